"""How many examples: 200 of each law in an ordinary run, always the same ones; PODIUM_EXAMPLES=50000 for a long,
random one."""

import os

from hypothesis import HealthCheck, settings

_checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("ordinary", max_examples=200, derandomize=True, deadline=None, suppress_health_check=_checks)
_count = int(os.environ.get("PODIUM_EXAMPLES", "0"))
if _count:
    settings.register_profile("long", max_examples=_count, deadline=None, suppress_health_check=_checks)
settings.load_profile("long" if _count else "ordinary")
