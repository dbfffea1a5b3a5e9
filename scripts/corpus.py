"""Try workflow definitions on a server: is each accepted, and does it come back as it was sent?

Without arguments the recorded definitions of tests/compatibility/corpus are tried and the results written beside them;
with --check they are compared with those. With paths, as of an unpacked package or a checked-out project, all
definitions in their JSON and Markdown files are tried, and what is odd about them is printed. With --upstream URL a
Conductor server is asked the same, and what it says otherwise is written to published.json: definitions are named by
their digest there, none is kept.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from podium.testing import LocalServer

FOLDER = Path(__file__).parents[1] / "tests" / "compatibility" / "corpus"
RESULTS = FOLDER / "results.json"
PUBLISHED = FOLDER / "published.json"
BYTES_MAX = 16 << 20
SUFFIXES = (".json", ".md", ".mdx")
STAMPS = {"createTime", "updateTime"}
FENCE = re.compile(r"^```json[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
Json = Any


def main() -> int:
    """Try definitions; 1 when a check finds other results than the recorded ones."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; say which results are others")
    parser.add_argument("--upstream", metavar="URL", help="a Conductor server that is asked the same, with /api")
    parser.add_argument("paths", nargs="*", type=Path, help="files or folders with definitions of others")
    given = parser.parse_args()
    if given.upstream:
        return compare(list(definitions_below(given.paths)), given.upstream)
    if given.paths:
        return report(definitions_below(given.paths))
    found = results(json.loads((FOLDER / "definitions.json").read_text(encoding="utf-8")))
    if not given.check:
        lines = (f"  {json.dumps(title)}: {json.dumps(result)}" for title, result in found.items())
        RESULTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        return 0
    recorded = json.loads(RESULTS.read_text(encoding="utf-8"))
    others = [title for title in {**recorded, **found} if recorded.get(title) != found.get(title)]
    for title in others:
        print(f"{title}:\n  recorded {recorded.get(title)}\n  found    {found.get(title)}")
    return 1 if others else 0


def report(definitions: Iterable[Json]) -> int:
    """Print what is odd about definitions of others, and how many are accepted."""
    found = results(definitions)
    for title, result in found.items():
        if result != {"status": 200}:
            print(title, json.dumps(result))
    print(f"{sum(one['status'] == 200 for one in found.values())} of {len(found)} definitions are accepted")
    return 0


def results(definitions: Iterable[Json]) -> dict[str, Json]:
    """Return what a server says to each definition, by its number and name; what is empty is left out."""
    with LocalServer() as server:
        return {f"{number} {body.get('name')}": tried(server, body) for number, body in enumerate(definitions, 1)}


def compare(definitions: list[dict[str, Json]], upstream: str) -> int:
    """Write what two servers say to each definition; 1 when they do not say the same of all."""
    found = {}
    with LocalServer() as server, httpx.Client(base_url=upstream, timeout=60) as other:
        for body in definitions:
            here, there = registered(server.http, body), registered(other, body)
            digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
            found[digest] = {"status": there[0]}
            if here[0] != there[0]:
                found[digest]["here"] = here[0]
                print(digest, body.get("name"), here, there)
            elif here[0] == 200 and (differs := sorted(set(changed(there[1], here[1], "$")))):
                found[digest]["differs"] = differs
                print(digest, body.get("name"), differs[:5])
    lines = (f"  {json.dumps(digest)}: {json.dumps(result)}" for digest, result in sorted(found.items()))
    PUBLISHED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    same = sum(len(one) == 1 for one in found.values())
    print(f"{same} of {len(found)} definitions are treated the same, {len(found) - same} are not")
    return 0 if same == len(found) else 1


def registered(http: httpx.Client, body: dict[str, Json]) -> tuple[int, Json]:
    """Register a definition; returns the status, and what is stored or the reason of a refusal."""
    answer = http.post("/metadata/workflow", json=body, params={"overwrite": "true"})
    if answer.status_code != 200:
        return answer.status_code, answer.json().get("message")
    at = f"/metadata/workflow/{quote(body['name'], safe='')}"
    return 200, http.get(at, params={"version": int(body.get("version") or 1)}).json()


def tried(server: LocalServer, body: dict[str, Json]) -> dict[str, Json]:
    """Register a definition and read it back; *changed* names what is not as it was sent."""
    answer = server.http.post("/metadata/workflow", json=body, params={"overwrite": "true"})
    advice = server.http.post("/metadata/workflow/advice", json=body).json()["findings"]
    result: dict[str, Json] = {"status": answer.status_code}
    if answer.status_code == 200:
        stored = registered(server.http, body)[1]
        result["changed"] = sorted(changed(body, stored, "$"))
        result["advice"] = sorted({one["path"] for one in advice if one["severity"] == "warning"})
    else:
        refusal = answer.json()
        broken = refusal.get("validationErrors") or [{"path": "", "message": refusal["message"]}]
        result["refused"] = sorted(f"{one['path']} {one['message']}".strip() for one in broken)
    return {key: value for key, value in result.items() if value}


def changed(sent: Json, got: Json, path: str) -> Iterator[str]:
    """Iterate over the paths of what was sent and did not come back equal; further fields are defaults."""
    if isinstance(sent, dict) and isinstance(got, dict):
        for key, value in sent.items():
            if key not in STAMPS:
                yield from changed(value, got.get(key), f"{path}.{key}")
    elif isinstance(sent, list) and isinstance(got, list) and len(sent) == len(got):
        for index, value in enumerate(sent):
            yield from changed(value, got[index], f"{path}[{index}]")
    elif sent != got or type(sent) is not type(got):
        yield path


def definitions_below(paths: Iterable[Path]) -> Iterator[dict[str, Json]]:
    """Iterate over all workflow definitions in files, each text once."""
    seen = set()
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.suffix in SUFFIXES and file.is_file() and file.stat().st_size <= BYTES_MAX:
                for one in definitions_in(file):
                    text = json.dumps(one, sort_keys=True)
                    if text not in seen:
                        seen.add(text)
                        yield one


def definitions_in(file: Path) -> Iterator[dict[str, Json]]:
    """Iterate over the definitions of one file; what is no JSON is left out."""
    text = file.read_text(encoding="utf-8", errors="replace")
    for part in [text] if file.suffix == ".json" else FENCE.findall(text):
        try:
            yield from definitions_of(json.loads(part))
        except (ValueError, RecursionError):
            continue


def definitions_of(value: Json) -> Iterator[dict[str, Json]]:
    """Iterate over the definitions anywhere in a JSON value."""
    if isinstance(value, dict):
        tasks = value.get("tasks")
        is_one = isinstance(tasks, list) and tasks and isinstance(tasks[0], dict) and "taskReferenceName" in tasks[0]
        if is_one and isinstance(value.get("name"), str):
            yield value
            return
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from definitions_of(inner)


if __name__ == "__main__":
    sys.exit(main())
