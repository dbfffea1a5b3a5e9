"""Who made and changed a definition, and when; the fields that every stored definition begins with."""
# ruff: noqa: N815

from podium.model.wire import Int64, WireObject, always


class Audited(WireObject, frozen=True, kw_only=True):
    """Times are epoch milliseconds, 0 when it has not happened."""

    ownerApp: str | None = None
    createTime: Int64 = always(0)
    updateTime: Int64 = always(0)
    createdBy: str | None = None
    updatedBy: str | None = None
