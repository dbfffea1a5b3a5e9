"""Which scripts are found, and which of them are still to be applied."""

import re

import pytest

from podium.model.errors import PodiumError
from podium.store.migrate import Migration, find, pending

KNOWN = [Migration(1, "initial", "one"), Migration(2, "more", "two")]


def test_the_scripts_of_an_adapter_are_found_in_order() -> None:
    found = find("podium.store.sqlite")

    assert [migration.number for migration in found] == list(range(1, len(found) + 1))
    assert found[0].name == "initial"
    assert re.search("CREATE TABLE workflow", found[0].sql)


def test_a_gap_in_the_numbers_is_refused(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    package = tmp_path / "gappy"
    (package / "sql").mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in ("0001_a.sql", "0003_c.sql", "readme.txt"):
        (package / "sql" / name).touch()
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(PodiumError, match="not numbered 1 to 2"):
        find("gappy")


@pytest.mark.parametrize(("applied", "expected"), [([], KNOWN), ([1], KNOWN[1:]), ([2, 1], [])])
def test_what_is_not_applied_is_pending(applied: list[int], expected: list[Migration]) -> None:
    assert pending(KNOWN, applied) == expected


def test_a_newer_database_is_refused() -> None:
    with pytest.raises(PodiumError, match="has schema 3, but this version of podium knows only schemas up to 2"):
        pending(KNOWN, [1, 2, 3])
