"""What is written when an ended workflow is removed."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import Api, simple

from podium.model.errors import InvalidRequest, Unavailable
from podium.service.archive import Archive
from podium.service.control import Control
from podium.store.memory import MemoryStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def api(folder: Path) -> Any:
    found = Api(MemoryStore())
    services = found.services
    services.control = Control(found.node, services.reading, Archive(folder))
    found.define(simple("a"))
    yield found
    found.close()


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def ended(api: Api) -> str:
    workflow_id = api.start()
    api.finish("a")
    return workflow_id


def test_a_removed_workflow_is_a_line_with_its_tasks(api: Api, folder: Path) -> None:
    ids = [ended(api) for _ in range(2)]
    shown = [api.workflow(one) for one in ids]

    for one in ids:
        api.run(api.services.control.remove(one, archive=True))

    assert lines(folder) == shown
    assert [task["status"] for task in shown[0]["tasks"]] == ["COMPLETED"]
    assert api.call("GET", f"/workflow/{ids[0]}").status_code == 404


def test_nothing_is_written_without_archive_or_of_an_open_one(api: Api, folder: Path) -> None:
    open_one, other = api.start(), api.start()

    with pytest.raises(InvalidRequest, match="Cannot archive workflow"):
        api.run(api.services.control.remove(open_one, archive=True))
    api.run(api.services.control.remove(other, archive=False))

    assert lines(folder) == []
    assert api.workflow(open_one)["status"] == "RUNNING"


def test_a_disk_that_refuses_keeps_the_workflow(api: Api, folder: Path) -> None:
    workflow_id = ended(api)
    folder.write_text("not a directory")

    with pytest.raises(Unavailable, match="was not removed"):
        api.run(api.services.control.remove(workflow_id, archive=True))

    assert api.workflow(workflow_id)["status"] == "COMPLETED"


def test_a_line_cut_off_by_a_crash_spoils_no_other(api: Api, folder: Path) -> None:
    first, second = ended(api), ended(api)
    api.run(api.services.control.remove(first, archive=True))
    path = next(folder.iterdir())
    path.write_bytes(path.read_bytes()[:-20])

    api.run(api.services.control.remove(second, archive=True))

    assert json.loads(path.read_text().splitlines()[-1])["workflowId"] == second


def test_removals_at_once_write_whole_lines(api: Api, folder: Path) -> None:
    ids = [ended(api) for _ in range(20)]

    async def all_of_them() -> None:
        await asyncio.gather(*(api.services.control.remove(one, archive=True) for one in ids))

    api.run(all_of_them())

    assert sorted(one["workflowId"] for one in lines(folder)) == sorted(ids)
