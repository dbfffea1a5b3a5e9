"""A stage for each test."""

import pytest

from podium.testing import Rehearsal


@pytest.fixture
def stage() -> Rehearsal:
    return Rehearsal()
