"""Reading and writing JSON: what is left out, what is kept, and what is refused however it is broken."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.model.errors import InvalidRequest
from podium.model.event import EventHandler
from podium.model.start import StartWorkflowRequest, WorkflowTestRequest
from podium.model.task_def import TaskDef
from podium.model.wire import (
    DEPTH_MAX,
    PARTS_MAX,
    WireObject,
    always,
    convert,
    decode,
    encode_json,
    parse_json,
    to_json_value,
)
from podium.model.workflow_def import WorkflowDef, WorkflowTask


class Sample(WireObject, frozen=True, kw_only=True):
    left_out: str | None = None
    zero: int = always(0)
    no: bool = always(False)
    text: str = always("")
    items: list[int] = always([])
    free: dict[str, Any] = always({})


def test_defaults_are_written_and_null_properties_are_not():
    assert encode_json(Sample()) == b'{"zero":0,"no":false,"text":"","items":[],"free":{}}'


def test_values_equal_to_the_default_are_written_as_well():
    given_explicitly = Sample(zero=0, no=False, text="", items=[], free={})
    assert encode_json(given_explicitly) == encode_json(Sample())
    assert encode_json(decode(Sample, b'{"zero":0,"items":[]}')) == encode_json(Sample())


def test_plain_values_follow_the_same_rules_as_text():
    sample = Sample(free={"a": None, "b": [None, {"c": None}]})
    assert to_json_value(sample) == json.loads(encode_json(sample))
    assert encode_json([sample, {"x": None}]).endswith(b'"free":{"a":null,"b":[null,{"c":null}]}},{"x":null}]')


def test_default_collections_are_not_shared():
    Sample().items.append(1)
    assert Sample().items == []
    Sample().free["a"] = 1
    assert Sample().free == {}


def test_free_form_values_survive_unchanged():
    free = {
        "big": 12345678901234567890123,
        "negative": -(2**80),
        "null": None,
        "float": 1.0,
        "text": "ü\u0000\U0001f600",
    }
    assert decode(Sample, encode_json(Sample(free=free))).free == free


def test_unknown_properties_are_dropped():
    assert decode(Sample, b'{"nobody":{"knows":1},"zero":4}') == Sample(zero=4)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "truncated"),
        (b'{"a":1} x', "trailing characters"),
        (b"{'a':1}", "malformed"),
        (b"\xef\xbb\xbf{}", "malformed"),
        (b'{"text":"\xff"}', "not valid UTF-8"),
        (b'{"\xff":1}', "not valid UTF-8"),
        (b'{"text":"\xed\xa0\x80"}', "not valid UTF-8"),
        (b'{"text":"\\ud800"}', "JSON parse error: "),
        (b'{"text":"\\udc00"}', "surrogate"),
        (b'{"free":{"a":"\\ud800\\u0041"}}', "surrogate"),
        (b'{"zero":NaN}', "malformed"),
        (b'{"free":{"a":Infinity}}', "malformed"),
        (b'{"free":{"a":1e999}}', "out of range"),
        (b'{"free":{"a":' + b"9" * 5000 + b"}}", "out of range"),
        (b'{"zero":1,"zero":2}', "Duplicate field 'zero'"),
        (b'{"zero":1,"\\u007aero":2}', "Duplicate field 'zero'"),
        (b'{"free":{"a":{"b":"x:y"},"c\\u003A":1,"a":1}}', "Duplicate field 'a'"),
        (b'{"free":[{"b\\u003a":1,"b:":2}]}', "Duplicate field 'b:'"),
        (b'{"unknown":{"a":1,"a":2}}', "Duplicate field 'a'"),
        (b"[" * 100_000, "levels deep"),
        (b'{"free":' * 100_000, "levels deep"),
        (b'{"free":{"a":' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}}", "levels deep"),
        (b'{"unknown":' + b"[" * 900 + b"]" * 900 + b"}", "levels deep"),
        (b'{"a":' + b"[" * 900 + b"]" * 900 + b',"a":1}', "JSON parse error: "),
    ],
)
def test_broken_and_hostile_text_is_refused(body: bytes, said: str):
    with pytest.raises(InvalidRequest) as refusal:
        decode(Sample, body)
    assert refusal.value.message.startswith("JSON parse error: ")
    assert said in refusal.value.message


def test_the_deepest_accepted_nesting_can_be_read_and_written():
    depth = DEPTH_MAX - 2
    body = b'{"free":{"a":' + b"[" * depth + b"]" * depth + b"}}"
    assert encode_json(decode(Sample, body)).endswith(b"]" * depth + b"}}")
    with pytest.raises(InvalidRequest, match="nested more than 250 levels deep"):
        decode(Sample, body.replace(b"[]", b"[[]]"))


def test_a_wide_body_is_not_taken_for_a_deep_one():
    body = encode_json({"free": {str(n): [[]] for n in range(2 * DEPTH_MAX)}})
    assert len(decode(Sample, body).free) == 2 * DEPTH_MAX


def test_colons_in_texts_and_escapes_are_not_taken_for_repeated_keys():
    assert decode(Sample, b'{"text":"::\\u003a","free":{"a\\u003a":":","b":{"a":1}}}').text == ":::"


def test_equal_keys_in_different_objects_are_fine():
    assert decode(Sample, b'{"free":{"a":{"a":1},"b":{"a":1}}}').free == {"a": {"a": 1}, "b": {"a": 1}}


@pytest.mark.parametrize("body", [b"", b"  \n", b"null"])
def test_an_absent_body_is_named_as_such(body: bytes):
    with pytest.raises(InvalidRequest, match=r"^Required request body is missing$"):
        decode(Sample, body)


@pytest.mark.parametrize(
    ("wire_type", "body", "said"),
    [
        (WorkflowDef, b'{"tasks":null}', "Expected `array`, got `null` - at `$.tasks`"),
        (WorkflowDef, b'{"tasks":{}}', "Expected `array`, got `object` - at `$.tasks`"),
        (WorkflowDef, b'{"tasks":[null]}', "Expected `object`, got `null` - at `$.tasks[0]`"),
        (WorkflowDef, b'{"tasks":[{"type":null}]}', "Expected `str`, got `null` - at `$.tasks[0].type`"),
        (WorkflowDef, b'{"tasks":[{"decisionCases":{"a":5}}]}', "at `$.tasks[0].decisionCases[...]`"),
        (WorkflowDef, b'{"timeoutPolicy":"RETRY"}', "Expected one of ALERT_ONLY, TIME_OUT_WF, got 'RETRY'"),
        (WorkflowDef, b'{"version":2147483648}', "`int` <= 2147483647 - at `$.version`"),
        (WorkflowDef, b'{"version":-2147483649}', "`int` >= -2147483648 - at `$.version`"),
        (WorkflowDef, b'{"timeoutSeconds":-9223372036854775809}', "at `$.timeoutSeconds`"),
        (WorkflowDef, b'{"timeoutSeconds":9223372036854775808}', "at `$.timeoutSeconds`"),
        (WorkflowDef, b'{"version":"one"}', "Expected `int`, got `str` - at `$.version`"),
        (WorkflowDef, b'{"version":true}', "Expected `int`, got `bool` - at `$.version`"),
        (WorkflowDef, b'{"restartable":"maybe"}', "Expected `bool`, got `str` - at `$.restartable`"),
        (WorkflowDef, b'{"name":{}}', "Expected `str`, got `object` - at `$.name`"),
        (WorkflowDef, b"[]", "Expected `object`, got `array`"),
        (WorkflowDef, b'"text"', "Expected `object`, got `str`"),
        (list[TaskDef], b"{}", "Expected `array`, got `object`"),
        (list[TaskDef], b'[{},{"retryLogic":1}]', "got '1' - at `$[1].retryLogic`"),
        (list[TaskDef], b'[{"retryLogic":[]}]', "got 'list' - at `$[0].retryLogic`"),
    ],
)
def test_a_wrong_type_is_named_with_its_path(wire_type: type, body: bytes, said: str):
    with pytest.raises(InvalidRequest) as refusal:
        decode(wire_type, body)
    assert refusal.value.message.startswith("JSON parse error: ")
    assert said in refusal.value.message


def test_a_long_wrong_value_is_not_echoed_in_full():
    with pytest.raises(InvalidRequest) as refusal:
        decode(TaskDef, encode_json({"retryLogic": "X" * 10_000}))
    assert len(refusal.value.message) < 300


def test_plain_values_convert_by_the_same_rules():
    assert convert(TaskDef, {"name": 5, "retryCount": "2", "inputKeys": None}) == TaskDef(name="5", retryCount=2)


def test_values_nested_too_deep_to_convert_are_refused():
    value: dict[str, Any] = {}
    for _ in range(5000):
        value = {"subWorkflowTestRequest": {"a": value}}
    with pytest.raises(InvalidRequest, match="levels deep"):
        convert(WorkflowTestRequest, value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values))
def test_any_payload_round_trips(payload: dict[str, Any]):
    request = StartWorkflowRequest(name="w", input=payload)
    assert decode(StartWorkflowRequest, encode_json(request)) == request
    assert parse_json(json.dumps(payload).encode()) == payload


@pytest.mark.parametrize("number", [2**31 - 1, -(2**31)])
def test_the_limits_of_an_int_are_read(number: int):
    assert decode(WorkflowDef, encode_json({"version": number})).version == number


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_the_limits_of_a_long_are_read(number: int):
    assert decode(WorkflowDef, encode_json({"timeoutSeconds": number})).timeoutSeconds == number


VALID = encode_json({"name": "w\u00e9", "version": 2, "tasks": [{"name": "t", "inputParameters": {"a": [1.5, None]}}]})


@given(st.integers(0, len(VALID)), st.integers(0, 5), st.binary(max_size=5))
def test_any_bytes_are_read_or_refused(begin: int, length: int, instead: bytes):
    body = VALID[:begin] + instead + VALID[begin + length :]
    with contextlib.suppress(InvalidRequest):
        assert isinstance(decode(WorkflowDef, body), WorkflowDef)


@given(
    st.sampled_from([WorkflowDef, TaskDef, WorkflowTask, StartWorkflowRequest, EventHandler]).flatmap(
        lambda wire_type: st.tuples(st.just(wire_type), st.sampled_from(wire_type.__struct_fields__))
    ),
    json_values,
)
def test_any_value_of_any_property_is_read_or_refused(place: tuple[type, str], value: Any):
    wire_type, name = place
    with contextlib.suppress(InvalidRequest):
        read = decode(wire_type, encode_json({name: value}))
        assert decode(wire_type, encode_json(read)) == read


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "a:", "\\u003a", "\\u0061", "c"]), st.sampled_from([":", "1"]))))
def test_repeated_keys_are_refused_exactly_when_there_are_any(pairs: list[tuple[str, str]]):
    body = "{" + ", ".join(f'"{key}" : "{value}"' for key, value in pairs) + "}"
    names = [json.loads(f'"{key}"') for key, _ in pairs]
    if len(set(names)) == len(names):
        assert list(parse_json(body.encode())) == names
    else:
        with pytest.raises(InvalidRequest, match="Duplicate field"):
            parse_json(body.encode())


def test_what_is_refused_in_a_small_text_is_refused_in_one_that_is_looked_at_in_slices():
    filling = "x" * (3 << 20)

    assert parse_json(f'{{"a": "{filling}", "b": 1}}'.encode()) == {"a": filling, "b": 1}
    with pytest.raises(InvalidRequest, match="Duplicate field 'a'"):
        parse_json(f'{{"a": "{filling}", "a": 1}}'.encode())
    with pytest.raises(InvalidRequest, match="nested more than"):
        parse_json(f'{{"a": "{filling}", "b": {"[" * DEPTH_MAX + "]" * DEPTH_MAX}}}'.encode())
    with pytest.raises(InvalidRequest, match="more than 1000000"):
        parse_json(f'{{"a": "{filling}", "b": [{"[]," * PARTS_MAX}1]}}'.encode())
