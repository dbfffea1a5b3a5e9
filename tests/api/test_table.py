"""The route table against the checklist of calls that existing clients make, and the document made from it."""

import re
from pathlib import Path
from typing import Any

from .conftest import Api

CHECKLIST = Path(__file__).with_name("endpoints.txt")


def without_names(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def documented(api: Api) -> dict[str, Any]:
    return api.call("GET", "//api-docs").json()


def test_every_core_call_is_served(wire: Api) -> None:
    served = {
        (method.upper(), without_names(path))
        for path, methods in documented(wire)["paths"].items()
        for method in methods
    }

    lines = [line.split() for line in CHECKLIST.read_text().splitlines()]
    wanted = [(method, path) for tier, _, _, method, path in lines if tier == "core"]

    assert len(wanted) == 75
    assert [(method, path) for method, path in wanted if (method, without_names(path)) not in served] == []


def test_references_of_the_document_lead_somewhere(wire: Api) -> None:
    document = documented(wire)

    references = re.findall(r"#/components/schemas/(\w+)", str(document))

    assert references
    assert {name for name in references if name not in document["components"]["schemas"]} == set()


def test_operations_are_named_once(wire: Api) -> None:
    names = [one["operationId"] for methods in documented(wire)["paths"].values() for one in methods.values()]

    assert len(set(names)) == len(names)


def test_parameters_are_documented(wire: Api) -> None:
    operation = documented(wire)["paths"]["/api/tasks/poll/batch/{tasktype}"]["get"]

    found = {(one["name"], one["in"], one["schema"].get("default")) for one in operation["parameters"]}

    assert found == {
        ("tasktype", "path", None),
        ("workerid", "query", None),
        ("domain", "query", None),
        ("count", "query", 1),
        ("timeout", "query", 100),
    }


def test_bodies_are_documented(wire: Api) -> None:
    operation = documented(wire)["paths"]["/api/workflow"]["post"]

    schema = operation["requestBody"]["content"]["application/json"]["schema"]

    assert schema == {"$ref": "#/components/schemas/StartWorkflowRequest"}
    assert "text/plain" in operation["responses"]["200"]["content"]
