"""The JSON of the pages against a real server: definitions are accepted, and give what the pages say.

A block with `input` says how the workflow of the definition above it, or of the one named `workflow`, goes: `tasks` has
outputs that are reported for open tasks, by reference name; `status` and `output` are the workflow's; `starts` has the
outputs of other workflows that it starts.
"""

import asyncio
import json
import re
from typing import Any

import httpx
import msgspec
import pytest

from podium.model.task_def import TaskDef
from podium.tasks import registry
from tests.docs.pages import Page, pages
from tests.process import Server

Json = dict[str, Any]

USUAL = "http://127.0.0.1:8080"  # where the pages expect the server
ENDED = ("COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED")
TASK_FIELDS = {field.name for field in msgspec.structs.fields(TaskDef)} - {"name", "description"}
LOOK_S, DEADLINE_S = 0.02, 8.0
WAITS = {"WAIT", "HUMAN"}  # done by the engine, but not by themselves
INLINE = {name for name in registry().names() if registry().of(name).runs == "engine"} - WAITS


def with_json() -> list[Page]:
    return [one for one in pages() if one.blocks("json")]


@pytest.mark.parametrize("one", with_json(), ids=lambda one: one.name)
def test_json_is_what_the_page_says(one: Page, server: Server, client: httpx.Client) -> None:
    values = [json.loads(block.text.replace(USUAL, server.url)) for block in one.blocks("json")]

    refused = [answer.text for answer in (register(client, value) for value in values) if answer and answer.is_error]

    assert refused == []
    for difference in asyncio.run(run_all(server.url, examples(values))):
        assert difference == []


def register(client: httpx.Client, value: Json) -> httpx.Response | None:
    """Register what is a definition; None for any other JSON."""
    if is_definition(value):
        return client.put("/api/metadata/workflow", json=[value])
    if "actions" in value:
        return client.post("/api/event", json=value)
    if "name" in value and TASK_FIELDS & set(value):
        return client.post("/api/metadata/taskdefs", json=[value])
    return None


def examples(values: list[Json]) -> list[tuple[Json, Json]]:
    """Return each workflow definition with what is said of it; one that needs nobody must at least complete."""
    definitions: dict[str, Json] = {}
    told: list[tuple[str, Json]] = []
    for value in values:
        if is_definition(value):
            definitions[value["name"]] = value
        elif "input" in value and "name" not in value:
            told.append((value.get("workflow") or next(reversed(definitions)), value))
    silent = definitions.keys() - {name for name, _ in told}
    told += [(name, {"input": {}}) for name in silent if types(definitions[name]) <= INLINE]
    return [(definitions[name], value) for name, value in told]


def is_definition(value: Json) -> bool:
    return "tasks" in value and "input" not in value


def types(value: Any) -> set[str]:
    """Return all types of steps inside of a definition."""
    return set(re.findall(r'"type": "([A-Z_]+)"', json.dumps(value)))


# ---- runs


async def run_all(url: str, pairs: list[tuple[Json, Json]]) -> list[list[str]]:
    async with httpx.AsyncClient(base_url=f"{url}/api", timeout=10.0) as client:
        return list(await asyncio.gather(*(run(client, definition, wanted) for definition, wanted in pairs)))


async def run(client: httpx.AsyncClient, definition: Json, wanted: Json) -> list[str]:
    """Run a workflow as *wanted* says; returns how it went otherwise."""
    name = definition["name"]
    answer = await client.post("/workflow", json={"name": name, "input": wanted["input"]})
    assert answer.status_code == 200, answer.text
    found = await play(client, answer.text, wanted.get("tasks", {}))
    differences = compared(name, found, wanted.get("status", "COMPLETED"), wanted.get("output"))
    for other, output in wanted.get("starts", {}).items():
        differences += await started(client, other, output)
    return differences


async def play(client: httpx.AsyncClient, workflow_id: str, outputs: Json) -> Json:
    """Report *outputs* for open tasks until the workflow has ended."""
    deadline = asyncio.get_running_loop().time() + DEADLINE_S
    while True:
        found: Json = (await client.get(f"/workflow/{workflow_id}")).json()
        if found["status"] in ENDED or asyncio.get_running_loop().time() > deadline:
            return found
        for task in found["tasks"]:
            ref = task["referenceTaskName"]
            if task["status"] in ("SCHEDULED", "IN_PROGRESS") and ref in outputs:
                await client.post(f"/tasks/{workflow_id}/{ref}/COMPLETED", json=outputs[ref])
        await asyncio.sleep(LOOK_S)


async def started(client: httpx.AsyncClient, name: str, output: Json) -> list[str]:
    """Wait for a workflow of *name* that ends with *output*."""
    deadline = asyncio.get_running_loop().time() + DEADLINE_S
    while asyncio.get_running_loop().time() < deadline:
        hits = (await client.get("/workflow/search-v2", params={"query": f"workflowType = {name}"})).json()["results"]
        if any(hit["status"] == "COMPLETED" and hit["output"] == output for hit in hits):
            return []
        await asyncio.sleep(LOOK_S)
    return [f"no {name} with the output {output}: {[(hit['status'], hit['output']) for hit in hits]}"]


def compared(name: str, found: Json, status: str, output: Any) -> list[str]:
    if found["status"] != status:
        return [f"{name} is {found['status']}: {found.get('reasonForIncompletion')}"]
    if output is not None and found["output"] != output:
        return [f"{name} gives {found['output']}, not {output}"]
    return []
