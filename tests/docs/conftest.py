"""A real server, as readers of the pages have one."""

from collections.abc import Iterator

import httpx
import pytest

from tests.process import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("docs") / "podium.db", PODIUM_LOG_LEVEL="warning")
    started.start()
    yield started
    assert started.stop()[0] == 0


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=10.0) as opened:
        yield opened
