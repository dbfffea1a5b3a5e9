"""All scenarios, by subject."""

import importlib
import pkgutil

from tests.compatibility.differential.scenario import Scenario


def by_subject() -> dict[str, list[Scenario]]:
    """Return the scenarios of each module here, under the module's name."""
    found = {}
    for module in sorted(one.name for one in pkgutil.iter_modules(__path__)):
        found[module] = list(importlib.import_module(f"{__name__}.{module}").SCENARIOS)
    return found
