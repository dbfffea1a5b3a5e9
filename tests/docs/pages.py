"""The pages of the documentation as the tests see them: blocks of code, links, headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_SAVED = re.compile(r"[Ss]ave (?:it|this) as `([\w.]+)`[^`]*:\n\n$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, its line, and the file name that the sentence before it gives it."""

    language: str
    text: str
    line: int
    file: str | None


class Page:
    """One Markdown file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self.text = path.read_text(encoding="utf-8")

    def blocks(self, language: str) -> list[Block]:
        """Return the fenced blocks of *language*."""
        return [block for block in self._all_blocks() if block.language == language]

    def _all_blocks(self) -> Iterator[Block]:
        for match in _FENCE.finditer(self.text):
            saved = _SAVED.search(self.text[: match.start()])
            line = self.text.count("\n", 0, match.start()) + 1
            yield Block(match[1], match[2], line, saved[1] if saved else None)

    @property
    def prose(self) -> str:
        """The text without its blocks."""
        return _FENCE.sub("", self.text)

    def links(self) -> list[str]:
        """Return the targets of all links."""
        return _LINK.findall(self.prose)

    def anchors(self) -> set[str]:
        """Return the names of the headings, as links say them."""
        return {_anchor(heading) for heading in _HEADING.findall(self.prose)}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def pages() -> list[Page]:
    """Return all pages for readers."""
    folders = ("*.md", "docs/**/*.md", "bench/*.md", "examples/*/*.md")
    return [Page(path) for pattern in folders for path in sorted(ROOT.glob(pattern))]


def page(name: str) -> Page:
    """Return one page by its path below the root."""
    return Page(ROOT / name)
