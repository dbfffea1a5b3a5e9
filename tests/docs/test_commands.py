"""The shell blocks of the pages: every command, target, path and call that they name exists."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from typer.main import get_command

from podium.cli.app import app
from podium.cli.serve import parser
from tests.docs.pages import ROOT, Block, Page, pages

ELSEWHERE = {  # what a machine has, or the page says how to get
    ".", "bash", "curl", "git", "journalctl", "kill", "pip", "python", "python3", "sqlite3", "sudo", "systemctl",
    "createdb", "pg_dump", "pg_restore", "zcat",
}  # fmt: skip
MAKE = re.compile(r"(?:^|`| {4})make ([a-z][a-z-]*)((?: [A-Z]+=(?:\"[^\"]*\"|[^\s`]+))*)", re.MULTILINE)
FILES = re.compile(r"\b(?:tests|examples|scripts|docs|bench|src)/[\w./-]+")
CALL = re.compile(r"`(GET|POST|PUT|DELETE) (/api/[^`?]*)")
PLACEHOLDER = re.compile(r"[A-Z_]{2,}\d?")


def with_shell() -> list[Page]:
    return [one for one in pages() if one.blocks("sh")]


def lines(block: Block) -> Iterator[list[str]]:
    """Iterate over the commands of a block as words, without what comes behind a pipe or into a file."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words and words[0] == "sudo":
            words.pop(0)
        if words:
            yield words[: next((at for at, word in enumerate(words) if word in ("|", ">", "&")), len(words))]


@pytest.mark.parametrize("one", with_shell(), ids=lambda one: one.name)
def test_commands_exist(one: Page) -> None:
    unknown = [
        f"line {block.line}: {' '.join(words)}: {fault}"
        for block in one.blocks("sh")
        for words in lines(block)
        if (fault := fault_of(words))
    ]

    assert unknown == []


def fault_of(words: list[str]) -> str | None:
    program, *rest = words
    program = program.rpartition("/")[2] or program
    if program == "podium":
        return fault_of_podium(rest)
    if program == "make":
        return None  # looked at everywhere, not in blocks alone
    is_known = program in ELSEWHERE or program in ("install", "rm", "useradd")
    return None if is_known else "not a command that the pages may take for granted"


def fault_of_podium(words: list[str]) -> str | None:
    if words[:1] == ["serve"]:
        known = {name for action in parser()._actions for name in action.option_strings}
        return unknown_option(words[1:], known | {"[OPTIONS]"})
    command: Any = get_command(app)
    while getattr(command, "commands", None):
        if not words or words[0] not in command.commands:
            return f"no such command: {words[:1]}"
        command, words = command.commands[words[0]], words[1:]
    return unknown_option(words, {name for one in command.params for name in (*one.opts, *one.secondary_opts)})


def unknown_option(words: list[str], known: set[str]) -> str | None:
    return next((f"no such option: {word}" for word in words if word.startswith("-") and word not in known), None)


@pytest.mark.parametrize("one", pages(), ids=lambda one: one.name)
def test_make_targets_and_files_exist(one: Page) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = MAKE.findall(one.text)
    files = [file.rstrip(".") for _, variables in named for file in FILES.findall(variables)]

    assert {target for target, _ in named} - targets == set()
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("one", pages(), ids=lambda one: one.name)
def test_calls_exist(one: Page, served: set[tuple[str, str]]) -> None:
    found = [(method, without_names(path)) for method, path in CALL.findall(one.prose) if "…" not in path]
    found += [call for block in one.blocks("sh") for words in lines(block) if (call := curl_call(words))]

    assert [call for call in found if not is_served(call, served)] == []


@pytest.fixture(scope="session")
def served(client: httpx.Client) -> set[tuple[str, str]]:
    paths = client.get("/api-docs").json()["paths"]
    return {(method.upper(), without_names(path)) for path, methods in paths.items() for method in methods}


def without_names(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def curl_call(words: list[str]) -> tuple[str, str] | None:
    if words[0] != "curl":
        return None
    url = next(word for word in words if word.startswith("http"))
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    return method, PLACEHOLDER.sub("{}", httpx.URL(url).path)


def is_served(call: tuple[str, str], served: set[tuple[str, str]]) -> bool:
    """Whether a route takes the call; a literal part of the page may stand for a variable of the route."""
    if call in served:
        return True
    method, path = call
    return any(method == known and re.fullmatch(re.escape(at).replace(r"\{\}", "[^/]+"), path) for known, at in served)
