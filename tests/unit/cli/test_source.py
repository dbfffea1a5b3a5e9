"""JSON that a user names."""

import io
from pathlib import Path

import pytest

from podium.cli.failure import USAGE, Failure
from podium.cli.source import read_file, read_object, read_pairs


def test_a_file_or_standard_input_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"a": "ö"}', encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO("[1]"))

    assert read_file(str(file)) == {"a": "ö"}
    assert read_file("-") == [1]


@pytest.mark.parametrize(
    ("content", "message"), [(b"{", "is not JSON"), (b"\xff", "it is not UTF-8"), (b"[" * 100_000, "is not JSON")]
)
def test_what_can_not_be_read_is_wrong_usage(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)

    with pytest.raises(Failure, match=message) as failure:
        read_file(str(file))
    assert failure.value.exit_code == USAGE
    assert str(file) in failure.value.message


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(Failure, match="No such file"):
        read_file("/nowhere/x.json")


def test_pairs_are_json_where_they_can_be() -> None:
    pairs = ["a=1", "b=text", 'c={"d":[true]}', "e=x=y", "f="]

    assert read_pairs(pairs, "-p") == {"a": 1, "b": "text", "c": {"d": [True]}, "e": "x=y", "f": ""}


@pytest.mark.parametrize("pair", ["novalue", "=x"])
def test_a_pair_without_a_key_is_refused(pair: str) -> None:
    with pytest.raises(Failure, match="expected key=value"):
        read_pairs([pair], "-p")


def test_an_object_comes_from_one_place_only() -> None:
    assert read_object(None, None, "--input") == {}
    with pytest.raises(Failure, match="twice"):
        read_object("{}", "x.json", "--input")
    with pytest.raises(Failure, match="must be a JSON object"):
        read_object("[1]", None, "--input")
