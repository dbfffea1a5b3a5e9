"""The search language: text of a client -> a checked syntax tree, never SQL text.

    expr  := and { OR and }        and := term { AND term }        term := ( expr ) | field op value
    op    := = | != | > | >= | < | <= | IN ( … ) | BETWEEN x AND y | IS [NOT] NULL | STARTS_WITH

AND binds tighter than OR; words of the language may be in any case. Values may be quoted with ' or " (backslash
escapes), unquoted ones are trimmed. A `*` in the value of = or != stands for any text and makes the comparison
ignore the case of ASCII letters. Times are epoch ms or ISO text. An absent text is the empty text, so
`parentWorkflowId=""` finds workflows without a parent; an absent time (not ended yet) is 0, found by `= 0` and IS
NULL, and never within a range.

Free text is a case-insensitive substring of ids, names, correlation id, reason, input and output; each `*` in it
stands for any text. It looks at every row that the query leaves, and has 5 s for that.
"""

import re
from datetime import UTC, datetime
from typing import Literal

import msgspec

from podium.model.errors import InvalidRequest

Kind = Literal["workflow", "task"]
Type = Literal["text", "number", "time"]
Value = str | int

QUERY_CHARS_MAX = 10_000
NESTING_MAX = 50
LIST_MAX = 1_000
WILDCARDS_MAX = 10
SORTS_MAX = 10
INTEGER_MAX = (1 << 63) - 1

FIELDS: dict[Kind, dict[str, Type]] = {
    "workflow": {
        "workflowId": "text",
        "workflowType": "text",
        "version": "number",
        "status": "text",
        "correlationId": "text",
        "startTime": "time",
        "updateTime": "time",
        "modifiedTime": "time",
        "endTime": "time",
        "executionTime": "number",
        "priority": "number",
        "reasonForIncompletion": "text",
        "event": "text",
        "createdBy": "text",
        "idempotencyKey": "text",
        "parentWorkflowId": "text",
        "failedReferenceTaskNames": "text",
        "failedTaskNames": "text",
        "classifier": "text",  # always "workflow": other classes do not exist here
    },
    "task": {
        "taskId": "text",
        "taskType": "text",
        "taskDefName": "text",
        "status": "text",
        "workflowId": "text",
        "workflowType": "text",
        "correlationId": "text",
        "scheduledTime": "time",
        "startTime": "time",
        "updateTime": "time",
        "modifiedTime": "time",
        "endTime": "time",
        "executionTime": "number",
        "queueWaitTime": "number",
        "workflowPriority": "number",
        "reasonForIncompletion": "text",
        "domain": "text",
    },
}


class Condition(msgspec.Struct, frozen=True):
    """A comparison of one field; LIKE and NOT LIKE are = and != with a `*` in the value, "IS NULL" has no value."""

    field: str
    op: Literal[
        "=", "!=", ">", ">=", "<", "<=", "IN", "BETWEEN", "STARTS_WITH", "LIKE", "NOT LIKE", "IS NULL", "IS NOT NULL"
    ]
    values: tuple[Value, ...]


class Group(msgspec.Struct, frozen=True):
    """Conditions of which all ("AND") or any ("OR") must hold."""

    op: Literal["AND", "OR"]
    parts: "tuple[Filter, ...]"


Filter = Condition | Group


class Search(msgspec.Struct, frozen=True):
    """What to look for, in which order, and which page of it; `parse` makes one from the texts of a client."""

    kind: Kind
    filter: Filter | None = None
    text: tuple[str, ...] = ()  # lower-case parts that must occur in this order
    sort: tuple[tuple[str, bool], ...] = ()  # (field, descending); then the order of arrival
    start: int = 0
    size: int = 100  # 0 asks for the total only
    payloads: bool = False  # whether hits of workflows carry input and output


def parse(
    kind: Kind,
    *,
    query: str = "",
    text: str = "",
    sort: str = "",
    start: int = 0,
    size: int = 100,
    payloads: bool = False,
) -> Search:
    """Return a checked search; InvalidRequest says what is wrong and where."""
    for name, number in (("start", start), ("size", size)):
        if not 0 <= number <= INTEGER_MAX:
            raise InvalidRequest(f"{name} must not be negative, nor above {INTEGER_MAX}: {number}.")
    return Search(
        kind,
        Parser(kind, query).filter() if query.strip() else None,
        parse_text(text),
        parse_sort(kind, sort),
        start,
        size,
        payloads,
    )


def parse_text(text: str) -> tuple[str, ...]:
    """Return the parts of a free text between its wildcards."""
    _check_characters("freeText", text)
    return tuple(part for part in text.strip().strip('"').lower().split("*") if part)


def parse_sort(kind: Kind, sort: str) -> tuple[tuple[str, bool], ...]:
    """Return the fields of `field:ASC|field:DESC` with whether each descends."""
    pairs = [part.strip().partition(":") for part in sort.split("|") if part.strip()]
    if len(pairs) > SORTS_MAX:
        raise InvalidRequest(f"sort names {len(pairs)} fields, at most {SORTS_MAX} are possible.")
    for field, _, order in pairs:
        if order.strip().upper() not in {"", "ASC", "DESC"}:
            raise InvalidRequest(f"The order in sort must be ASC or DESC: {field}:{order}.")
    return tuple((_field(kind, field.strip(), "sort"), order.strip().upper() == "DESC") for field, _, order in pairs)


def _field(kind: Kind, name: str, where: str) -> str:
    """Return the name of a field in our spelling; some clients write those of columns (workflow_type)."""
    fields = FIELDS[kind]
    if name in fields:
        return name
    head, *rest = name.split("_")
    camel = head + "".join(word.capitalize() for word in rest)
    if camel in fields:
        return camel
    hint = ""
    if name.split(".", maxsplit=1)[0] in {"input", "output"}:
        hint = " Payloads are searched with freeText."
    raise InvalidRequest(f"Unknown field '{name}' in {where}: known are {', '.join(sorted(fields))}.{hint}")


def _check_characters(name: str, text: str) -> None:
    if len(text) > QUERY_CHARS_MAX:
        raise InvalidRequest(f"{name} has {len(text)} characters, at most {QUERY_CHARS_MAX} are possible.")
    if "\0" in text or (not text.isprintable() and _has_surrogate(text)):
        raise InvalidRequest(f"{name} holds a character that is no text.")


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


_FIELD = re.compile(r"[A-Za-z_][\w.\-]*")
_OPERATOR = re.compile(r"!=|>=|<=|=|>|<|(?:IN|BETWEEN|IS|STARTS_WITH)\b", re.IGNORECASE)
_BLANKS = re.compile(r"\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'', re.DOTALL)
_WORD = re.compile(r"[^\s()'\"]+")
_LIST_WORDS = re.compile(r"[^,()'\"]*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_AND_OR = re.compile(r"(?:AND|OR)(?=[\s(]|$)", re.IGNORECASE)


class Parser:
    """Reads one query from left to right."""

    def __init__(self, kind: Kind, query: str) -> None:
        _check_characters("query", query)
        self._kind = kind
        self._query = query
        self._place = 0
        self._depth = 0

    def filter(self) -> Filter:
        """Return the tree of the whole query."""
        found = self._expression()
        self._skip()
        if self._place < len(self._query):
            raise self._error("AND, OR or the end (a value with blanks or signs must be quoted)")
        return found

    def _error(self, expected: str) -> InvalidRequest:
        found = self._query[self._place : self._place + 20] or "the end"
        return InvalidRequest(
            f"Incorrectly formatted query at character {self._place + 1}: expected {expected}, found: {found}"
        )

    def _skip(self) -> None:
        match = _BLANKS.match(self._query, self._place)
        self._place = match.end() if match else self._place

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        self._skip()
        match = pattern.match(self._query, self._place)
        if match is None:
            return None
        self._place = match.end()
        return match[0]

    def _takes(self, text: str) -> bool:
        """Whether *text* comes next, which is passed then; a word must end there."""
        self._skip()
        end = self._place + len(text)
        found = self._query[self._place : end].upper() == text
        if found and text.isalpha() and self._query[end : end + 1].isalnum():
            return False
        self._place = end if found else self._place
        return found

    def _expression(self) -> Filter:
        parts = [self._conjunction()]
        while self._takes("OR"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Group("OR", tuple(parts))

    def _conjunction(self) -> Filter:
        parts = [self._term()]
        while self._takes("AND"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else Group("AND", tuple(parts))

    def _term(self) -> Filter:
        if not self._takes("("):
            return self._condition()
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise InvalidRequest(f"The query nests more than {NESTING_MAX} parentheses.")
        found = self._expression()
        if not self._takes(")"):
            raise self._error("AND, OR or )")
        self._depth -= 1
        return found

    def _condition(self) -> Condition:
        name = self._take(_FIELD)
        if name is None:
            raise self._error("the name of a field")
        field = _field(self._kind, name, "query")
        op = self._take(_OPERATOR)
        if op is None:
            raise self._error("one of = != > >= < <= IN BETWEEN IS STARTS_WITH")
        match op.upper():
            case "IN":
                return Condition(field, "IN", tuple(self._typed(field, value) for value in self._list()))
            case "BETWEEN":
                return self._between(field)
            case "IS":
                return self._is_null(field)
            case "STARTS_WITH":
                return self._starts_with(field)
            case _:
                return self._comparison(field, op)

    def _between(self, field: str) -> Condition:
        low = self._value(is_word=True)
        if not self._takes("AND"):
            raise self._error("AND and the upper end")
        return Condition(field, "BETWEEN", (self._typed(field, low), self._typed(field, self._value(is_word=True))))

    def _is_null(self, field: str) -> Condition:
        negated = self._takes("NOT")
        if not self._takes("NULL"):
            raise self._error("NULL or NOT NULL")
        return Condition(field, "IS NOT NULL" if negated else "IS NULL", ())

    def _starts_with(self, field: str) -> Condition:
        if FIELDS[self._kind][field] != "text":
            raise InvalidRequest(f"STARTS_WITH compares texts, and {field} is a number.")
        return Condition(field, "STARTS_WITH", (self._value(),))

    def _comparison(self, field: str, op: str) -> Condition:
        value = self._value()
        if "*" in value and op in {"=", "!="} and FIELDS[self._kind][field] == "text":
            pattern = re.sub(r"\*+", "*", value)
            if pattern.count("*") > WILDCARDS_MAX:
                raise InvalidRequest(f"The value of {field} holds more than {WILDCARDS_MAX} wildcards.")
            return Condition(field, "LIKE" if op == "=" else "NOT LIKE", (pattern,))
        return Condition(field, op, (self._typed(field, value),))  # type: ignore[arg-type]

    def _value(self, *, is_word: bool = False) -> str:
        quoted = self._quoted()
        if quoted is not None:
            return quoted
        word = self._take(_WORD)
        if word is None:
            raise self._error("a value")
        words = [word]
        while not is_word and (more := self._continuation()):
            words.append(more)
        return " ".join(words)

    def _continuation(self) -> str | None:
        """Return the next word of an unquoted value with blanks, which ends before AND, OR, a sign or a parenthesis."""
        self._skip()
        word = _WORD.match(self._query, self._place)
        if word is None or _AND_OR.match(self._query, self._place) or re.search("[=<>]", word[0]):
            return None
        self._place = word.end()
        return word[0]

    def _quoted(self) -> str | None:
        self._skip()
        match = _QUOTED.match(self._query, self._place)
        if match is None:
            if self._query[self._place : self._place + 1] in {'"', "'"}:
                raise self._error("a closing quote")
            return None
        self._place = match.end()
        return _ESCAPE.sub(r"\1", match[1] if match[1] is not None else match[2])

    def _list(self) -> list[str]:
        if not self._takes("("):
            raise self._error("( and a list of values")
        values = [self._item()]
        while self._takes(","):
            values.append(self._item())
        if not self._takes(")"):
            raise self._error(", or )")
        if len(values) > LIST_MAX:
            raise InvalidRequest(f"A list in the query has {len(values)} values, at most {LIST_MAX} are possible.")
        return values

    def _item(self) -> str:
        quoted = self._quoted()
        if quoted is not None:
            return quoted
        words = (self._take(_LIST_WORDS) or "").strip()
        if not words:
            raise self._error("a value")
        return words

    def _typed(self, field: str, value: str) -> Value:
        kind = FIELDS[self._kind][field]
        return value if kind == "text" else number_of(field, value, is_time=kind == "time")


_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)


def number_of(field: str, value: str, *, is_time: bool) -> int:
    """Return the number that *value* shows; times may be ISO text, in UTC unless it says otherwise."""
    text = value.strip()
    if _INTEGER.fullmatch(text) and abs(int(text)) <= INTEGER_MAX:
        return int(text)
    if not is_time:
        raise InvalidRequest(f"{field} is a number, not '{value}'.")
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(f"{field} is a time, as epoch milliseconds or ISO 8601 text, not '{value}'.") from error
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
