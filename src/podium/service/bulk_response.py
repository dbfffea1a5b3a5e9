"""The answer to a call about many objects: which went well, and what went wrong with the others."""
# ruff: noqa: N815 (wire names)

from typing import Any

import msgspec


class BulkResponse(msgspec.Struct):
    """Conductor's BulkResponse; errors by id."""

    bulkErrorResults: dict[str, str] = msgspec.field(default_factory=dict)
    bulkSuccessfulResults: list[Any] = msgspec.field(default_factory=list)
