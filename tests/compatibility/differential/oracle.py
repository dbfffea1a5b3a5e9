"""Asks the upstream server: plays scenarios on it, records its answers, and says what podium answers differently.

Needs a JDK of 21 or newer and Maven, which bring the server (bench/java).
"""

import argparse
import asyncio
import gzip
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from httpx import TransportError

from tests.compatibility.differential.driver import Record, play
from tests.compatibility.differential.generated import drawn
from tests.compatibility.differential.judge import Judge, Tally
from tests.compatibility.differential.record import timeless
from tests.compatibility.differential.scenario import Scenario
from tests.compatibility.differential.scenarios import by_subject
from tests.compatibility.differential.wire import AppWire, HttpWire, Wire

sys.path.append(str(Path(__file__).parents[3] / "bench"))
from server import Missing, java

Json = Any
STATEMENTS = Path(__file__).with_name("statements.txt")
RECORDED = Path(__file__).with_name("recorded")
AT_ONCE_UPSTREAM = 128
AT_ONCE = 64
BATCH = 2_000
KEPT = 300  # drawn scenarios whose records are kept
AGAIN = (1, 3)  # how often a scenario that differs is played again: once, then those that still do at the same time
UPSTREAM = {"patience_s": 45.0, "look_every_s": 0.3, "joins_in_pause": True}
PATIENT = {"patience_s": 100.0}
PODIUM = {"patience_s": 60.0, "look_every_s": 0.005, "joins_in_pause": False}


async def played(scenarios: Mapping[str, Scenario], wire: Wire, at_once: int, **pace: Any) -> dict[str, Record]:
    """Play many scenarios at the same time; returns the records by name, without those that were cut off."""
    places = asyncio.Semaphore(at_once)
    found: dict[str, Record] = {}

    async def one(name: str, scenario: Scenario) -> None:
        async with places:
            try:
                found[name] = await play(scenario, wire, name=name, **pace)
            except TransportError as error:  # a cut connection among a million calls must not cost the others' answers
                print(f"scenario {name} was cut off: {error!r}", file=sys.stderr)
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


async def played_again(url: str, scenarios: Mapping[str, Scenario], times: int) -> list[dict[str, Record]]:
    """Play scenarios on the upstream server several times at once; returns the records of each time."""
    return await asyncio.gather(*(played_on(url, scenarios, **PATIENT) for _ in range(times)))


async def played_on(url: str, scenarios: Mapping[str, Scenario], **pace: Any) -> dict[str, Record]:
    """Play scenarios on the upstream server."""
    wire = HttpWire(url, AT_ONCE_UPSTREAM * 2)
    try:
        return await played(scenarios, wire, AT_ONCE_UPSTREAM, **(UPSTREAM | pace), salt=str(time.time_ns()))
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
    """Ask, record, compare; 1 when something differs that may not, 2 when the upstream server is not to be had."""
    options = _options()
    total = Tally()
    try:
        with upstream(options.url, options.replay) as options.url:
            for subject, scenarios in _chosen(options):
                total += _compared(subject, scenarios, options)
    except Missing as error:
        print(f"{error} (needed: a JDK of 21 or newer, Maven, and the network for the first time)", file=sys.stderr)
        return 2
    print(counts())
    print(total.table())
    return 0 if total.is_good() else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--subject", default="", help="only these subjects, with commas between")
    parser.add_argument("--only", default="", help="only scenarios whose names hold this")
    parser.add_argument("--url", default="", help="of an upstream server that runs already")
    parser.add_argument("--keep", action="store_true", help="write the records")
    parser.add_argument("--generated", type=int, default=0, help="so many drawn scenarios as well")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--replay", action="store_true", help="take the recorded answers for the upstream server's")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, Scenario]]]:
    """Iterate over the subjects that are wanted, then over batches of drawn scenarios."""
    for subject, scenarios in by_subject().items():
        if not options.subject or subject in options.subject.split(","):
            yield subject, {one.name: one for one in scenarios if options.only in one.name}
    last = options.first + options.generated
    for first in range(options.first, last, BATCH):
        scenarios = map(drawn, range(first, min(first + BATCH, last)))
        yield "generated", {one.name: one for one in scenarios if options.only in one.name}


@contextmanager
def upstream(url: str, is_replay: bool) -> Iterator[str]:
    """Run the upstream server, unless one runs already or its answers are known."""
    if url or is_replay:
        yield url
        return
    os.environ.setdefault("JAVA_TOOL_OPTIONS", "-Xmx1g")
    with java() as server:
        yield server.url


def counts() -> str:
    """Return how many statements of the specification the scenarios show."""
    covered = {one for scenarios in by_subject().values() for scenario in scenarios for one in scenario.covers}
    known = statements()
    shown = sum(is_shown(name, covered) for name in known)
    return f"{shown} of {len(known)} statements have scenarios, {sum(map(bool, known.values()))} have other tests"


def statements() -> dict[str, str]:
    """Return the statements of the specification, each with the tests that show it beside scenarios."""
    lines = STATEMENTS.read_text(encoding="utf-8").splitlines()
    return {name.strip(): tests.strip() for name, _, tests in (line.split("|") for line in lines)}


def is_shown(name: str, covered: set[str]) -> bool:
    """Whether a scenario covers a statement or a part of it."""
    return any(one == name or one.startswith(f"{name}.") for one in covered)


def _compared(subject: str, scenarios: dict[str, Scenario], options: argparse.Namespace) -> Tally:
    """Play and compare scenarios; prints what differs in a way that nothing allows."""
    begun = time.monotonic()
    upstream = read(subject) if options.replay else asyncio.run(played_on(options.url, scenarios))
    known = {name: one for name, one in scenarios.items() if name in upstream} if options.replay else scenarios
    podium = asyncio.run(played_on_podium(known))
    judge = Judge(subject, upstream, podium)
    for times in () if options.replay else AGAIN:
        again = {name: scenarios[name] for name in judge.bad}
        for answers in asyncio.run(played_again(options.url, again, times)):
            judge.hear(answers)
    if options.keep and (kept := {name: one for name, one in judge.good.items() if _is_kept(subject, name)}):
        write(subject, read(subject) | kept if options.only or subject == "generated" else kept)
    tally = judge.tally()
    print(f"{subject}: {tally.line()}, {time.monotonic() - begun:.0f} s", flush=True)
    return tally


def _is_kept(subject: str, name: str) -> bool:
    return subject != "generated" or int(name.partition(" ")[0]) < KEPT


if __name__ == "__main__":
    sys.exit(main())
