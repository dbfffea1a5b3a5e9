"""A schema that definitions may carry for their inputs and outputs."""
# ruff: noqa: N815

from typing import Literal

from podium.model.audit import Audited
from podium.model.wire import Int32, Json, always

SchemaType = Literal["JSON", "AVRO", "PROTOBUF"]


class SchemaDef(Audited, frozen=True, kw_only=True):
    """A named, versioned schema: given in `data` or found under `externalRef`."""

    name: str = ""
    version: Int32 = always(1)
    type: SchemaType | None = None
    data: dict[str, Json] | None = None
    externalRef: str | None = None
