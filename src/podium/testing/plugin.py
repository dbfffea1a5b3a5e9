"""Fixtures for pytest, there for whoever has podium installed: a server, its URL, and a stage.

Nothing of podium is imported before a test asks for one of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from podium.testing.rehearsal import Rehearsal
    from podium.testing.server import LocalServer


@pytest.fixture
def podium_server(tmp_path: Path) -> "Iterator[LocalServer]":
    """A server of its own for each test, on a free port, over an SQLite file in the test's directory."""
    from podium.testing.server import LocalServer

    with LocalServer(f"sqlite:///{tmp_path / 'podium.db'}") as server:
        yield server


@pytest.fixture
def podium_url(podium_server: "LocalServer") -> str:
    """The URL that Conductor's clients take: that of the server with /api."""
    return podium_server.api_url


@pytest.fixture
def rehearsal() -> "Rehearsal":
    """A stage on which definitions run in memory, with a clock that the test turns."""
    from podium.testing.rehearsal import Rehearsal

    return Rehearsal()
