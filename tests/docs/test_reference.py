"""The pages of reference against the code."""

import importlib.util
import re
from types import ModuleType

import httpx
import pytest

from podium.observability.metrics import TABLE
from podium.tasks import registry
from tests.docs.pages import ROOT, page

ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (yes|no) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "metrics.md", "rest.md", "settings.md"])
def test_pages_are_what_scripts_reference_writes(name: str, reference: ModuleType) -> None:
    assert page(f"docs/reference/{name}").text == reference.pages()[name], "run scripts/reference.py"


def test_every_command_has_a_section(reference: ModuleType) -> None:
    sections = set(re.findall(r"^## podium (.+)$", page("docs/reference/cli.md").text, re.MULTILINE))

    assert sections == {path for path, _ in reference.commands()}


def test_every_task_type_is_in_the_table() -> None:
    types = registry()

    table = {name: (who, retried) for name, who, retried in ROW.findall(page("docs/reference/task-types.md").text)}

    assert table == {name: (types.of(name).runs, _yes(types.of(name).is_retried)) for name in types.names()}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def test_every_step_of_the_table_has_an_example() -> None:
    text = page("docs/guide/operators.md").text

    assert [name for name in registry().names() if f'"type": "{name}"' not in text] == []


def test_metrics_that_other_pages_name_exist() -> None:
    known = set(re.findall(r"^\| `(\w+)` \|", page("docs/reference/metrics.md").text, re.MULTILINE))
    named = set(
        re.findall(
            r"\b(?:podium|workflow|task|http_server)_[a-z_]+_(?:total|seconds\w*|depth|bytes|waiting)\b",
            page("docs/operate/monitoring.md").text,
        )
    )

    assert {name.removesuffix("_count") for name in named} <= known


def test_every_metric_is_served(client: httpx.Client) -> None:
    served = client.get("/metrics").text

    without_labels = [one for one in TABLE if not one.labels and one.kind != "timer"]
    assert [one.name for one in TABLE if f"# HELP {one.name}" not in served] == []
    assert [one.name for one in without_labels if not re.search(rf"^{one.name}\w* ", served, re.MULTILINE)] == []
