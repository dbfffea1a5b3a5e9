"""The Python blocks of the pages: they run, and so do the tests in them."""

import inspect
import types
from pathlib import Path

import pytest

from tests.docs.pages import Page, pages


@pytest.mark.parametrize("one", [one for one in pages() if one.blocks("python")], ids=lambda one: one.name)
def test_python_runs(one: Page, tmp_path: Path) -> None:
    for block in one.blocks("python"):
        module = types.ModuleType("page")
        exec(compile(block.text, f"{one.name} line {block.line}", "exec"), module.__dict__)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_"):
                function()
