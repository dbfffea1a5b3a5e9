"""Every link inside the tree leads somewhere, and every page is linked from the index."""

import pytest

from tests.docs.pages import ROOT, Page, page, pages


@pytest.mark.parametrize("one", pages(), ids=lambda one: one.name)
def test_links_lead_somewhere(one: Page) -> None:
    broken = [link for link in one.links() if not link.startswith("http") and not leads_somewhere(one, link)]

    assert broken == []


def leads_somewhere(one: Page, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = (one.path.parent / file).resolve() if file else one.path
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or anchor in Page(target).anchors()


def test_the_index_names_every_page() -> None:
    index = page("docs/README.md")

    linked = {(index.path.parent / link.partition("#")[0]).resolve() for link in index.links()}

    written = {path for folder in ("guide", "operate", "reference") for path in (ROOT / "docs" / folder).glob("*.md")}
    assert sorted(map(str, written - linked)) == []


def test_the_map_of_the_tree_in_the_readme_is_complete() -> None:
    named = set(page("README.md").text.replace("src/podium/", "src/").split())

    assert [name for name in folders() if f"{name}/" not in named] == []


def folders() -> list[str]:
    """Return the names of the folders at the top and of the packages, without those that git is to ignore."""
    ignored = {line.strip().strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}
    found = {path.name for at in (ROOT, ROOT / "src" / "podium") for path in at.iterdir() if path.is_dir()}
    return sorted(name for name in found - ignored if not name.startswith((".", "__")))
