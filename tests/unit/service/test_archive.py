"""What is written when an ended workflow is removed."""

import asyncio
import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import Api, simple

from podium.model.errors import InvalidRequest, Unavailable
from podium.service.archive import Archive
from podium.store.memory import MemoryStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def api(folder: Path) -> Any:
    found = Api(MemoryStore(), archive=Archive(folder))
    found.define(simple("a"))
    yield found
    found.close()


def lines(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("*.jsonl.gz"))
    return [json.loads(line) for path in files for line in gzip.decompress(path.read_bytes()).splitlines()]


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


def test_a_write_that_failed_spoils_nothing_before_or_after_it(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [ended(api) for _ in range(3)]
    api.run(api.services.control.remove(ids[0], archive=True))
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(Unavailable):
        api.run(api.services.control.remove(ids[1], archive=True))
    monkeypatch.undo()

    api.run(api.services.control.remove(ids[2], archive=True))

    assert sorted(one["workflowId"] for one in lines(folder)) == sorted([ids[0], ids[2]])
    assert len(list(folder.iterdir())) == 2
    assert api.workflow(ids[1])["status"] == "COMPLETED"


def refuse(descriptor: int) -> None:
    raise OSError("no room")


def test_a_crash_in_the_middle_of_a_write_spoils_only_the_end_of_its_file(folder: Path) -> None:
    asyncio.run(Archive(folder).write([b"{}\n"], 0))
    path = next(folder.iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-5])

    asyncio.run(Archive(folder).write([b"[]\n"], 0))

    others = [one for one in folder.iterdir() if one != path]
    assert [gzip.decompress(one.read_bytes()) for one in others] == [b"[]\n"]
    with gzip.open(path) as file:
        assert file.readline() == b"{}\n"


def test_a_file_ends_with_its_day_and_with_its_size(folder: Path) -> None:
    archive = Archive(folder, file_bytes_max=60)

    async def write() -> None:
        for now_ms in (0, 1, 2, 3, 86_400_000):
            await archive.write([b"{}\n"], now_ms)

    asyncio.run(write())

    sizes = {path: gzip.decompress(path.read_bytes()).count(b"\n") for path in folder.iterdir()}
    assert sorted(sizes.values()) == [1, 1, 3]
    assert {path.name[:20] for path in sizes} == {"workflows-1970-01-01", "workflows-1970-01-02"}
    assert (archive.workflows, archive.size_bytes) == (5, sum(path.stat().st_size for path in sizes))


def test_removals_at_once_write_whole_lines(api: Api, folder: Path) -> None:
    ids = [ended(api) for _ in range(20)]

    async def all_of_them() -> None:
        await asyncio.gather(*(api.services.control.remove(one, archive=True) for one in ids))

    api.run(all_of_them())

    assert sorted(one["workflowId"] for one in lines(folder)) == sorted(ids)
