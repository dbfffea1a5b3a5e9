"""The shape of the tree: what a reader may rely on in every file, and what no file may hold."""

import ast
import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "podium"

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 80
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
NOT_OURS = {".git", ".venv", ".hypothesis", "build", "dist", "node_modules", "var", "__pycache__"}
TEXT_BYTES_MAX = 2_000_000

# assembled from parts, so that this file does not hold the words itself
STRAY = re.compile(
    "|".join(
        [
            rf"/{'work'}/",
            rf"/{'root'}/",
            rf"\.\./{'shared'}",
            rf"\.\./\.{'library'}",
            rf"{'npm'}js\.org",
            rf"{'maven'}\.org",
            rf"{'python'}hosted",
            rf"{'pypi'}\.org",
            rf"(developer|coding|agent).?s? {'session'}",
        ]
    ),
    re.IGNORECASE,
)


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if "generated" not in path.parts]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def our_files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith(("_cache", ".egg-info"))]
        yield from (Path(folder) / name for name in names if name not in NOT_OURS)


def text_of(path: Path) -> str:
    """Return what a text file holds; nothing for a link, a large file, or one that is no text."""
    if path.is_symlink() or path.stat().st_size > TEXT_BYTES_MAX:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def setting_names() -> list[str]:
    """Return the fields of the settings, as long as there is such a module."""
    if importlib.util.find_spec("podium.settings") is None:
        return []
    from podium.settings import Settings

    return [field.name for field in msgspec.structs.fields(Settings)]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_module_says_what_it_is_for() -> None:
    bare = [named(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text()))]

    assert bare == []


def test_no_file_is_too_long_to_read() -> None:
    lengths = {named(path): len(path.read_text().splitlines()) for path in modules()}

    assert {name: count for name, count in lengths.items() if count > FILE_LINES_MAX} == {}


def test_no_function_is_too_long_to_read() -> None:
    long = [
        f"{named(path)}:{node.lineno} {node.name}"
        for path in modules()
        for node in functions(ast.parse(path.read_text()))
        if (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]

    assert long == []


def test_module_names_say_something() -> None:
    vague = [named(path) for path in PACKAGE.rglob("*") if path.stem in VAGUE_NAMES]

    assert vague == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = []
    for path in our_files():
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if match := STRAY.search(line):
                found.append(f"{named(path)}:{number} {match.group()}")

    assert found == []


def test_every_setting_is_documented() -> None:
    names = setting_names()
    page = ROOT / "docs" / "reference" / "settings.md"
    text = page.read_text() if page.exists() else ""

    assert [name for name in names if name not in text] == []
