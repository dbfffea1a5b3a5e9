"""Write docs/compatibility/endpoints.md: the calls that clients of Conductor make, against those of the running server.

With --check, only say whether the page is out of date. The checklist of calls is tests/api/endpoints.txt.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from reference import api_docs, table

ROOT = Path(__file__).parents[1]
CHECKLIST = ROOT / "tests" / "api" / "endpoints.txt"
PAGE = ROOT / "docs" / "compatibility" / "endpoints.md"
HEAD = """# Which of Conductor's calls podium serves

Against all calls that Conductor 3.32.3, its user interfaces, its SDKs or the hosted product know. *Core* is what
workers and clients need, *extended* what they may use, *enterprise* what only the hosted product has.
`scripts/endpoints.py` writes this page from the running server's OpenAPI document; [REST calls](../reference/rest.md)
describes what is served.

"""
OWNERS = ("conductor", "hosted")  # the open-source server, or only the product
OWNER_HEADINGS = ("Of open-source Conductor", "Only of the hosted product")
UNDOCUMENTED = {("GET", "/api-docs")}  # the document does not name itself
LEFT_OUT = {
    "agent": "agents of language models",
    "a2a": "the protocol between such agents",
    "skill": "what such agents are taught",
    "file": "files beside workflows",
    "external-storage": "payloads are kept with their workflow",
}


class Call(NamedTuple):
    """One line of the checklist."""

    tier: str
    owner: str  # one of OWNERS
    area: str
    method: str
    path: str

    @property
    def key(self) -> tuple[str, str]:
        """What tells calls apart, whatever their variables are named."""
        return self.method, re.sub(r"\{[^}]*\}", "{}", self.path)


def main() -> int:
    """Write or check the page; 1 when it is out of date."""
    parser = argparse.ArgumentParser(description=__doc__.partition(";")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the page is out of date")
    is_check = parser.parse_args().check
    text = page()
    if PAGE.exists() and text == PAGE.read_text(encoding="utf-8"):
        return 0
    if not is_check:
        PAGE.write_text(text, encoding="utf-8")
    print(f"{'out of date' if is_check else 'written'}: docs/compatibility/endpoints.md")
    return int(is_check)


def page() -> str:
    """Return the page as it should be."""
    calls = [Call(*line.split()) for line in CHECKLIST.read_text(encoding="utf-8").splitlines()]
    served = served_keys()
    missing = [one for one in calls if one.key not in served]
    return HEAD + "\n".join([_by_tier(calls, served), _by_area(calls, served), _missing(missing)])


def served_keys() -> set[tuple[str, str]]:
    """Return what the running server documents."""
    paths = asyncio.run(api_docs())["paths"]
    known = {Call("", "", "", method.upper(), path).key for path, methods in paths.items() for method in methods}
    return known | UNDOCUMENTED


def _by_tier(calls: list[Call], served: set[tuple[str, str]]) -> str:
    lines = []
    for tier in ("core", "extended", "enterprise"):
        of_tier = [one for one in calls if one.tier == tier]
        counts = (_count([one for one in of_tier if one.owner == owner], served) for owner in OWNERS)
        lines.append([tier, *counts])
    return "## By tier\n\n" + table(("Tier", *OWNER_HEADINGS), lines)


def _count(calls: list[Call], served: set[tuple[str, str]]) -> str:
    return f"{sum(one.key in served for one in calls)} of {len(calls)}" if calls else ""


def _by_area(calls: list[Call], served: set[tuple[str, str]]) -> str:
    areas = sorted({one.area for one in calls if one.owner == "conductor"})
    lines = (
        (area, *(_count([one for one in calls if (one.area, one.owner) == (area, owner)], served) for owner in OWNERS))
        for area in areas
    )
    return "## By area\n\n" + table(("Area", *OWNER_HEADINGS), lines)


def _missing(missing: Iterable[Call]) -> str:
    lines = list(_missing_lines([one for one in missing if one.owner == "conductor"]))
    return "## What open-source Conductor serves and podium does not\n\n" + table(
        ("Area", "Calls", "What it is"), lines
    )


def _missing_lines(missing: list[Call]) -> Iterator[tuple[str, str, str]]:
    for area in sorted({one.area for one in missing}):
        of_area = [one for one in missing if one.area == area]
        yield area, str(len(of_area)), LEFT_OUT.get(area, ", ".join(f"`{one.method} {one.path}`" for one in of_area))


if __name__ == "__main__":
    sys.exit(main())
