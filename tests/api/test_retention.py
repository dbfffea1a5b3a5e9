"""What is kept for how long, and what goes: never an open workflow, never one that is not in the archive."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import Api, child, simple, wait

from podium.engine.commands import Command, Restart, StartWorkflow
from podium.model.errors import Unavailable
from podium.model.retention import Retention
from podium.service.archive import Archive
from podium.service.janitor import BEGUN
from podium.store.memory import MemoryStore
from podium.store.records import Document, Ended

DAY_MS = 86_400_000


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podium.service.janitor.PAUSE_S_MAX", 0)


def later(api: Api, days: float) -> None:
    """Let time go by."""
    start = api.node.clock.now_ms
    api.node.clock.now_ms = lambda: start() + int(days * DAY_MS)  # type: ignore[method-assign]


def keep(api: Api, name: str = "w", **times: str) -> None:
    answer = api.call("PUT", f"/admin/retention/{name}", times)
    assert answer.status_code == 200, answer.text


def tidy(api: Api) -> Any:
    answer = api.call("POST", "/admin/retention/run")
    assert answer.status_code == 200, answer.text
    return answer.json()


def table(api: Api) -> dict[tuple[str, str], tuple[Any, ...]]:
    rows = api.get("/admin/retention")
    fields = ("keep", "source", "stored", "expired")
    return {(row["workflowName"], row["status"]): tuple(row[field] for field in fields) for row in rows}


def exists(api: Api, workflow_id: str) -> bool:
    return bool(api.call("GET", f"/workflow/{workflow_id}").status_code == 200)


def ended(api: Api, status: str = "COMPLETED", name: str = "w") -> str:
    workflow_id = api.start(name)
    api.finish("a", status)
    return workflow_id


@pytest.mark.usefixtures("pace")
def test_each_status_goes_after_its_own_time(api: Api) -> None:
    api.define(simple("a"))
    good, bad, open_one = ended(api), ended(api, "FAILED_WITH_TERMINAL_ERROR"), api.start()
    keep(api, completed="7d", failed="30d")

    assert tidy(api)["removed"] == 0
    later(api, 8)
    assert table(api) == {
        ("w", "COMPLETED"): ("7d", "rule", 1, 1),
        ("w", "FAILED"): ("30d", "rule", 1, 0),
    }
    assert tidy(api) == {"removed": 1, "skipped": 0, "left": False, "elsewhere": False}
    assert [exists(api, one) for one in (good, bad, open_one)] == [False, True, True]
    later(api, 23)
    assert tidy(api)["removed"] == 1
    later(api, 1000)
    assert tidy(api)["removed"] == 0
    assert [exists(api, one) for one in (good, bad, open_one)] == [False, False, True]


@pytest.mark.usefixtures("pace")
def test_a_rule_wins_over_the_definition_and_that_over_the_setting(api: Api) -> None:
    api.services.retention._default = Retention(completed="1d", failed="2d")
    api.define(simple("a"), metadata={"retention": {"completed": "forever"}})
    api.define(simple("a"), name="odd", metadata={"retention": 7})
    for name in ("w", "odd"):
        ended(api, name=name)
    terminated = api.start()
    assert api.call("DELETE", f"/workflow/{terminated}").status_code == 200
    later(api, 3)

    assert table(api) == {
        ("odd", "COMPLETED"): ("forever", "definition (not understood)", 1, 0),
        ("w", "COMPLETED"): ("forever", "definition", 1, 0),
        ("w", "TERMINATED"): ("2d", "setting", 1, 1),
    }
    keep(api, completed="2d", terminated="1h")
    assert table(api)["w", "COMPLETED"] == ("2d", "rule", 1, 1)
    assert table(api)["w", "TERMINATED"] == ("1h", "rule", 1, 1)
    assert api.call("DELETE", "/admin/retention/w").status_code == 200
    assert table(api)["w", "COMPLETED"] == ("forever", "definition", 1, 0)
    assert api.call("DELETE", "/admin/retention/w").status_code == 404


@pytest.mark.parametrize("rule", [{}, {"completed": "soon"}, {"complete": "1d"}, {"failed": 7}, []])
def test_a_rule_that_is_none_is_refused(wire: Api, rule: Any) -> None:
    answer = wire.call("PUT", "/admin/retention/w", rule)

    assert answer.status_code == 400, answer.text
    assert wire.get("/admin/retention") == []


def family(api: Api) -> tuple[str, str]:
    """Return the ids of an ended parent and of its child."""
    api.define(simple("a"), name="child")
    api.define(child("sub", "child"), name="parent")
    parent = api.start("parent")
    api.finish("a")
    assert api.run(api.node.settle())
    assert api.workflow(parent)["status"] == "COMPLETED"
    return parent, api.workflow(parent)["tasks"][0]["subWorkflowId"]


@pytest.mark.usefixtures("pace")
def test_children_stay_and_go_with_their_parents(api: Api) -> None:
    parent, inner = family(api)
    keep(api, "child", completed="1h")
    later(api, 1)

    assert tidy(api)["removed"] == 0
    keep(api, "parent", completed="1h")
    assert tidy(api)["removed"] == 2
    assert not exists(api, parent)
    assert not exists(api, inner)
    assert api.run(api.node.store.documents(BEGUN)) == []
    assert api.run(_faults(api)) == []


async def _faults(api: Api) -> list[str]:
    return [fault async for fault in api.node.store.check()]


async def submit(api: Api, workflow_id: str, command: Command) -> Any:
    return await api.node.committer.submit(workflow_id, command)


def give_open_child(api: Api, parent: str) -> str:
    """Start a workflow below one that has ended."""
    api.define(wait("hold"), name="open")
    inner, graph = api.node.clock.new_workflow_id(), api.node.catalog.graph("open", None)
    assert graph is not None
    api.run(submit(api, inner, StartWorkflow("open", 1, graph.hash, parent_id=parent, parent_task_seq=1)))
    return inner


@pytest.mark.usefixtures("pace")
def test_a_parent_with_an_open_child_stays_until_that_has_ended(api: Api) -> None:
    parent, inner = family(api)
    open_one = give_open_child(api, inner)
    keep(api, "parent", completed="1h")
    later(api, 1)

    assert tidy(api) == {"removed": 0, "skipped": 1, "left": False, "elsewhere": False}
    assert all(exists(api, one) for one in (parent, inner, open_one))
    assert api.call("DELETE", f"/workflow/{open_one}").status_code == 200
    assert tidy(api)["removed"] == 3


@pytest.mark.usefixtures("pace")
def test_a_crash_between_parent_and_child_leaves_no_orphan(api: Api) -> None:
    parent, inner = family(api)
    versions = api.run(api.node.store.load([parent, inner]))
    tree = [Ended(one, versions[one].head.version) for one in (parent, inner)]
    body = json.dumps([tree]).encode()
    api.run(api.node.store.put_document(Document(BEGUN, "x", 0, body, 1)))
    assert api.call("DELETE", f"/workflow/{parent}/remove").status_code == 200

    tidy(api)

    assert not exists(api, inner)
    assert api.run(api.node.store.documents(BEGUN)) == []


@pytest.mark.usefixtures("pace")
def test_what_was_changed_since_it_was_looked_at_stays(api: Api) -> None:
    parent, inner = family(api)
    tree = [Ended(one, 1) for one in (parent, inner)]
    api.run(api.node.store.put_document(Document(BEGUN, "x", 0, json.dumps([tree]).encode(), 1)))

    tidy(api)

    assert exists(api, parent)
    assert exists(api, inner)


@pytest.mark.usefixtures("pace")
def test_more_than_a_batch_goes_and_those_that_can_not_go_hold_up_nobody(
    wire: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podium.service.janitor.ROOTS", 3)
    wire.define(simple("a"))
    stuck = [ended(wire) for _ in range(4)]
    inner = [give_open_child(wire, one) for one in stuck]
    free = [ended(wire) for _ in range(7)]
    keep(wire, completed="1h")
    later(wire, 1)

    result = tidy(wire)

    assert (result["removed"], result["skipped"]) == (7, 4)
    assert not any(exists(wire, one) for one in free)
    assert all(exists(wire, one) for one in [*stuck, *inner])


# ---- archive


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def archiving(folder: Path, pace: None) -> Iterator[Api]:
    server = Api(MemoryStore(), archive=Archive(folder))
    server.define(simple("a"))
    yield server
    server.close()


def lines(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("*.jsonl.gz"))
    return [json.loads(text) for path in files for text in gzip.decompress(path.read_bytes()).splitlines()]


def test_what_goes_is_in_the_archive_with_its_children(archiving: Api, folder: Path) -> None:
    parent, inner = family(archiving)
    shown = [archiving.workflow(one) for one in (parent, inner)]
    keep(archiving, "parent", completed="1h")
    later(archiving, 1)

    assert tidy(archiving)["removed"] == 2
    assert lines(folder) == shown


def test_nothing_goes_while_the_archive_can_not_be_written(archiving: Api, folder: Path) -> None:
    workflow_id = ended(archiving)
    keep(archiving, completed="1h")
    later(archiving, 1)
    folder.write_text("not a directory")

    answer = archiving.call("POST", "/admin/retention/run")

    assert answer.status_code == 503
    assert exists(archiving, workflow_id)
    archiving.run(archiving.services.janitor.tidy())
    assert archiving.services.janitor.failures == 1


def test_a_workflow_that_changes_between_archive_and_removal_stays(
    archiving: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow_id = ended(archiving)
    keep(archiving, completed="1h")
    later(archiving, 1)
    write = archiving.services.archive.write

    async def write_slowly(given: list[bytes], now_ms: int) -> None:
        await write(given, now_ms)
        await archiving.node.committer.submit(workflow_id, Restart())

    monkeypatch.setattr(archiving.services.archive, "write", write_slowly)

    assert tidy(archiving)["removed"] == 0
    assert archiving.workflow(workflow_id)["status"] == "RUNNING"


def test_an_error_of_the_disk_in_the_middle_leaves_all(archiving: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [ended(archiving) for _ in range(3)]
    keep(archiving, completed="1h")
    later(archiving, 1)

    async def fail(given: list[bytes], now_ms: int) -> None:
        raise Unavailable("no room")

    monkeypatch.setattr(archiving.services.archive, "write", fail)
    assert archiving.call("POST", "/admin/retention/run").status_code == 503
    assert all(exists(archiving, one) for one in ids)
