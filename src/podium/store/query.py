"""The search language: text of a client -> a checked syntax tree, never SQL text.

    expr  := and { OR and }        and := term { AND term }        term := ( expr ) | field op value
    op    := = | != | > | >= | < | <= | IN ( … ) | BETWEEN x AND y | IS [NOT] NULL | STARTS_WITH

AND binds tighter than OR. Values may be quoted with ' or " (backslash escapes); unquoted ones are trimmed. A `*` in the value of = or
!= stands for any text and makes the comparison ignore case. Times are epoch ms or ISO text. Absent values are empty: `parentWorkflowId=""`
finds workflows without a parent.
"""

from typing import Literal

import msgspec

Kind = Literal["workflow", "task"]
Value = str | int


class Condition(msgspec.Struct, frozen=True):
    """A comparison of one field; `op` is one of = != > >= < <= IN BETWEEN STARTS_WITH LIKE NOT_LIKE."""

    field: str
    op: str
    values: tuple[Value, ...]


class Group(msgspec.Struct, frozen=True):
    """Conditions of which all ("AND") or any ("OR") must hold."""

    op: Literal["AND", "OR"]
    parts: "tuple[Filter, ...]"


Filter = Condition | Group


class Search(msgspec.Struct, frozen=True):
    """What to look for, in which order, and which page of it; `text` is a case-insensitive substring, "" for none."""

    kind: Kind
    filter: Filter | None = None
    text: str = ""
    sort: tuple[tuple[str, bool], ...] = ()  # (field, descending); the order of arrival when there is none
    start: int = 0
    size: int = 100
    payloads: bool = False  # whether hits carry input and output
