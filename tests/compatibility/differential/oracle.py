"""Asks the upstream server: plays scenarios on it, records its answers, and says what podium answers differently.

Needs a JDK of 21 or newer and Maven, which bring the server (bench/java). Options: --subject, --only, --generated N,
--url of a server that runs already, --keep to write the records.
"""

import argparse
import asyncio
import gzip
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.compatibility.differential.difference import Allowance, allowances, differences, forbidden
from tests.compatibility.differential.driver import Record, play
from tests.compatibility.differential.record import timeless
from tests.compatibility.differential.scenario import Scenario
from tests.compatibility.differential.scenarios import by_subject
from tests.compatibility.differential.wire import AppWire, HttpWire, Wire

Json = Any
RECORDED = Path(__file__).with_name("recorded")
AT_ONCE_UPSTREAM = 24
AT_ONCE = 64
UPSTREAM = {"patience_s": 45.0, "look_every_s": 0.15}
PODIUM = {"patience_s": 10.0, "look_every_s": 0.005}


async def played(scenarios: Mapping[str, Scenario], wire: Wire, at_once: int, **pace: Any) -> dict[str, Record]:
    """Play many scenarios at the same time; returns the records by name."""
    places = asyncio.Semaphore(at_once)
    found: dict[str, Record] = {}

    async def one(name: str, scenario: Scenario) -> None:
        async with places:
            try:
                found[name] = await play(scenario, wire, name=name, **pace)
            except Exception as error:
                raise RuntimeError(f"scenario {name}") from error

    await asyncio.gather(*(one(name, scenario) for name, scenario in scenarios.items()))
    return found


async def played_on_podium(scenarios: Mapping[str, Scenario]) -> dict[str, Record]:
    """Play scenarios on a server in this process, over a store in memory."""
    from podium.bootstrap import compose
    from podium.settings import load

    application = compose(load({}, {"database": "memory:", "metrics": False}), {})
    await application.start()
    try:
        return await played(scenarios, AppWire(application.asgi), AT_ONCE, **PODIUM)
    finally:
        await application.stop()


async def played_on(url: str, scenarios: Mapping[str, Scenario]) -> dict[str, Record]:
    """Play scenarios on the upstream server."""
    wire = HttpWire(url, AT_ONCE_UPSTREAM * 2)
    try:
        return await played(scenarios, wire, AT_ONCE_UPSTREAM, **UPSTREAM, salt=str(time.time()))
    finally:
        await wire.close()


# ---- records


def write(subject: str, records: dict[str, Record]) -> None:
    """Keep the records of a subject; the same records make the same file."""
    lines = [
        json.dumps([name, record], sort_keys=True, separators=(",", ":")) for name, record in sorted(records.items())
    ]
    RECORDED.mkdir(exist_ok=True)
    data = gzip.compress("\n".join(lines).encode(), 9, mtime=0)
    (RECORDED / f"{subject}.jsonl.gz").write_bytes(data)


def read(subject: str) -> dict[str, Record]:
    """Return the records of a subject; none when it was never recorded."""
    path = RECORDED / f"{subject}.jsonl.gz"
    if not path.exists():
        return {}
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    return {name: timeless(record) for name, record in map(json.loads, lines)}  # by the rules of today


# ---- the program


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--subject", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--url", default="")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--replay", action="store_true", help="take the recorded answers for the upstream server's")
    options = parser.parse_args()
    allowed = allowances()
    bad = 0
    for subject, scenarios in by_subject().items():
        if options.subject and subject not in options.subject.split(","):
            continue
        chosen = {one.name: one for one in scenarios if options.only in one.name}
        bad += _compared(subject, chosen, options, allowed)
    return 1 if bad else 0


def _compared(
    subject: str, scenarios: dict[str, Scenario], options: argparse.Namespace, allowed: list[Allowance]
) -> int:
    begun = time.monotonic()
    if options.replay:
        upstream = read(subject)
    else:
        upstream = asyncio.run(played_on(options.url, scenarios))
        if options.keep:
            write(subject, read(subject) | upstream if options.only else upstream)
    asked = time.monotonic()
    podium = asyncio.run(played_on_podium(scenarios))
    done = time.monotonic()
    count = 0
    for name in scenarios:
        bad = forbidden(differences(f"{subject}/{name}", upstream[name], podium[name]), allowed)
        count += bool(bad)
        for difference in bad[:12]:
            print(difference)
    print(
        f"{subject}: {len(scenarios)} scenarios, {count} differ, upstream {asked - begun:.0f} s, podium {done - asked:.1f} s"
    )
    return count


if __name__ == "__main__":
    sys.exit(main())
