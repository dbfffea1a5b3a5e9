"""From the text of a client to a checked tree."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.model.errors import InvalidRequest
from podium.store.query import Condition, Filter, Group, Search, parse


def tree(query: str) -> Filter | None:
    return parse("workflow", query=query).filter


def equal(field: str, *values: str | int, op: str = "=") -> Condition:
    return Condition(field, op, values)  # type: ignore[arg-type]


A, B, C = equal("event", "a"), equal("event", "b"), equal("event", "c")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", None),
        ("   ", None),
        ("event=a", A),
        ("  event  =  'a'  ", A),
        ('event="a"', A),
        ('event="a\\"b\\\\c"', equal("event", 'a"b\\c')),
        ("event='it\\'s'", equal("event", "it's")),
        ("event=''", equal("event", "")),
        ("event='a AND b'", equal("event", "a AND b")),
        ("event='a=b (c), \"d\"'", equal("event", 'a=b (c), "d"')),
        ("event=my flow", equal("event", "my flow")),
        ("event=my  flow AND event=b", Group("AND", (equal("event", "my flow"), B))),
        ("event=order-1:a/b==", equal("event", "order-1:a/b==")),
        ("event=AND", equal("event", "AND")),
        ("event=android OR event=b", Group("OR", (equal("event", "android"), B))),
        ("event=a AND event=b AND event=c", Group("AND", (A, B, C))),
        ("event=a and event=b or event=c", Group("OR", (Group("AND", (A, B)), C))),
        ("event=a OR event=b AND event=c", Group("OR", (A, Group("AND", (B, C))))),
        ("(event=a OR event=b) AND event=c", Group("AND", (Group("OR", (A, B)), C))),
        ("((event=a))", A),
        ("(event=a)AND(event=b)", Group("AND", (A, B))),
        ("event='a'AND event=b", Group("AND", (A, B))),
        ("event!=a", equal("event", "a", op="!=")),
        ("event>=a", equal("event", "a", op=">=")),
        ("version<5", equal("version", 5, op="<")),
        ("version='-5'", equal("version", -5)),
        ("event IN (a,b)", equal("event", "a", "b", op="IN")),
        ("event in( 'a' ,b c , \"d,)\" )", equal("event", "a", "b c", "d,)", op="IN")),
        ("version IN (1, 2)", equal("version", 1, 2, op="IN")),
        ("event IN (a*)", equal("event", "a*", op="IN")),
        ("event='a*'", equal("event", "a*", op="LIKE")),
        ("event=***a**", equal("event", "*a*", op="LIKE")),
        ("event!=a*", equal("event", "a*", op="NOT LIKE")),
        ("event>a*", equal("event", "a*", op=">")),
        ("startTime BETWEEN 1 AND 2 AND event=a", Group("AND", (equal("startTime", 1, 2, op="BETWEEN"), A))),
        ("event BETWEEN 'a' AND 'b'", equal("event", "a", "b", op="BETWEEN")),
        ("event IS NULL", equal("event", op="IS NULL")),
        ("event is not null", equal("event", op="IS NOT NULL")),
        ("event STARTS_WITH 'a*'", equal("event", "a*", op="STARTS_WITH")),
        ("workflow_type=x", equal("workflowType", "x")),
        ("startTime>1700000000000", equal("startTime", 1_700_000_000_000, op=">")),
        ("startTime>'2023-11-14T22:13:20.123Z'", equal("startTime", 1_700_000_000_123, op=">")),
        ("startTime>2023-11-14T23:13:20+01:00", equal("startTime", 1_700_000_000_000, op=">")),
        ("startTime>'2023-11-14 22:13:20'", equal("startTime", 1_700_000_000_000, op=">")),
        ("startTime>2023-11-14", equal("startTime", 1_699_920_000_000, op=">")),
        ("event=größe\u2028", equal("event", "größe")),
    ],
)
def test_a_query_becomes_a_tree(query: str, expected: Filter | None) -> None:
    assert tree(query) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("event", "at character 6: expected one of = != > >= < <= IN BETWEEN IS STARTS_WITH, found: the end"),
        ("=a", "at character 1: expected the name of a field, found: =a"),
        ("event=", "at character 7: expected a value, found: the end"),
        ("event=a AND", "at character 12: expected the name of a field"),
        ("event=a event=b", "at character 9: expected AND, OR or the end"),
        ("event=a)", "at character 8: expected AND, OR or the end"),
        ("(event=a", "at character 9: expected AND, OR or ), found: the end"),
        ("event='a", "at character 7: expected a closing quote, found: 'a"),
        ("event='a' b", "at character 11: expected AND, OR or the end"),
        ("event IN a", "at character 10: expected ( and a list of values, found: a"),
        ("event IN ()", "at character 11: expected a value, found: )"),
        ("event IN (a,)", "at character 13: expected a value, found: )"),
        ("event IN (a", "at character 12: expected , or ), found: the end"),
        ("event BETWEEN a OR b", "at character 17: expected AND and the upper end"),
        ("event IS a", "at character 10: expected NULL or NOT NULL"),
        ("event LIKE a", "at character 7: expected one of"),
        ("NOT event=a", "Unknown field 'NOT'"),
        ("taskId=a", "Unknown field 'taskId' in query: known are classifier, correlationId, createdBy"),
        ("input.x=1", "Payloads are searched with freeText"),
        ("output.x=1", "Payloads are searched with freeText"),
        ("version=one", "version is a number, not 'one'"),
        ("version=1.5", "version is a number, not '1.5'"),
        ("version=٣", "version is a number, not '٣'"),
        ("version=9999999999999999999", "version is a number, not"),
        ("version=2023-11-14", "version is a number"),
        ("startTime>yesterday", "startTime is a time, as epoch milliseconds or ISO 8601 text, not 'yesterday'"),
        ("startTime>''", "startTime is a time"),
        ("version STARTS_WITH 1", "STARTS_WITH compares texts, and version is a number"),
        ("event='" + "a*" * 11 + "'", "more than 10 wildcards"),
        ("(" * 51 + "event=a" + ")" * 51, "nests more than 50 parentheses"),
        ("event IN (" + "a," * 1000 + "a)", "has 1001 values, at most 1000"),
        ("event='" + "a" * 10_000 + "'", "query has 10008 characters, at most 10000"),
        ("event='\0'", "query holds a character that is no text"),
        ("event='\ud800'", "query holds a character that is no text"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(query: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        tree(query)

    assert message in raised.value.message


def test_deep_and_long_queries_within_the_bounds_are_read() -> None:
    assert tree("(" * 50 + "event=a" + ")" * 50) == A
    assert isinstance(tree(" OR ".join(["event=a"] * 900)), Group)


def test_fields_are_those_of_the_kind() -> None:
    assert parse("task", query="taskDefName=x").filter == equal("taskDefName", "x")
    with pytest.raises(InvalidRequest, match="Unknown field 'version' in query: known are correlationId, domain"):
        parse("task", query="version=1")


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ()),
        ("startTime:DESC", (("startTime", True),)),
        (" start_time : desc | status ", (("startTime", True), ("status", False))),
    ],
)
def test_a_sort_is_read(sort: str, expected: tuple[tuple[str, bool], ...]) -> None:
    assert parse("workflow", sort=sort).sort == expected


@pytest.mark.parametrize(
    ("sort", "message"),
    [
        ("nothing:ASC", "Unknown field 'nothing' in sort"),
        ("status:UP", "must be ASC or DESC: status:UP"),
        ("status:ASC,event:ASC", "must be ASC or DESC"),
        ("|".join(["status:ASC"] * 11), "sort names 11 fields, at most 10"),
    ],
)
def test_a_wrong_sort_is_refused(sort: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        parse("workflow", sort=sort)

    assert message in raised.value.message


@pytest.mark.parametrize(
    ("text", "parts"), [("", ()), ("*", ()), ("Abc", ("abc",)), ('"Two Words"', ("two words",)), ("*a*B*", ("a", "b"))]
)
def test_free_text_becomes_its_parts(text: str, parts: tuple[str, ...]) -> None:
    assert parse("workflow", text=text).text == parts


def test_a_page_is_within_bounds() -> None:
    assert parse("task", start=5, size=0) == Search("task", start=5, size=0)
    for wrong in ({"start": -1}, {"size": -1}, {"start": 1 << 63}):
        with pytest.raises(InvalidRequest, match="must not be negative"):
            parse("task", **wrong)  # type: ignore[arg-type]


@given(st.text(alphabet="event=vrsion<>!()'\"\\ ANDORISLTB,*1", max_size=60) | st.text(max_size=60))
def test_any_text_is_read_or_refused(query: str) -> None:
    with contextlib.suppress(InvalidRequest):
        tree(query)


@pytest.mark.parametrize("piece", ["(", "'", '"\\', "event=a b ", "event IN (a,", "\\", "a ", "event='a'", " "])
def test_no_text_takes_long(piece: str) -> None:
    began = time.process_time()
    with contextlib.suppress(InvalidRequest):
        tree((piece * 10_000)[:10_000])

    assert time.process_time() - began < 1


values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(values)
def test_a_quoted_value_is_taken_as_it_is(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")

    assert tree(f"event IN ('{quoted}')") == equal("event", value, op="IN")
