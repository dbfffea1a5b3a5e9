"""Templates: Conductor's verified table row by row, escapes, nesting, stores, and bounds."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.expressions.bounds import EXPANSION_CHARS_MAX, ExpressionTooLarge
from podium.expressions.document import MISSING, MapDocument
from podium.expressions.json_path import compile_path
from podium.expressions.parameters import compile_template
from podium.expressions.secrets import has_secrets, substitute_secrets

INPUT: dict[str, Any] = {
    "a": 1,
    "s": "str",
    "k": "a",
    "m": {"x": 1, "n": None, "l": [1, "q"]},
    "l": [{"x": 1}, {"x": 2}],
    "f": 1.0,
    "a b": 7,
}


class FakeDocument:
    """Two roots, recording what is asked for."""

    def __init__(self, **more: Any) -> None:
        self.roots: dict[str, Any] = {
            "workflow": {"input": INPUT, "status": "RUNNING", "variables": {}},
            "task": {"status": "COMPLETED", "output": {"r": {"list": [1, [2, 3]]}, "big": "x" * 1000}},
            **more,
        }
        self.asked: list[tuple[str, ...]] = []
        self.systems: dict[str, Any] = {}
        self.store: dict[str, str] = {}

    def field(self, root: str, name: str) -> Any:
        self.asked.append((root, name))
        return self.roots.get(root, {}).get(name, MISSING)

    def root(self, name: str) -> Any:
        self.asked.append((name,))
        return self.roots if name == "$" else self.roots.get(name, MISSING)

    def system(self, name: str) -> Any:
        return self.systems.get(name, MISSING)

    def environment(self, name: str) -> str | None:
        return self.store.get(name)


def resolved(template: Any, document: FakeDocument | None = None) -> Any:
    return compile_template(template).resolve(document or FakeDocument())


VERIFIED = [
    ("${workflow.input.a}", 1),
    ("v=${workflow.input.a}", "v=1"),
    ("${workflow.input.missing}", None),
    ("x${workflow.input.missing}y", "xnully"),
    ("m=${workflow.input.m}", "m={x=1, n=null, l=[1, q]}"),
    ("l=${workflow.input.l}", "l=[{x=1}, {x=2}]"),
    ("${workflow.input.l[*].x}", [1, 2]),
    ("w=${workflow.input.l[*].x}", "w=[1,2]"),
    ("${workflow.input.l[-1].x}", 2),
    ("${workflow.input.l[5].x}", None),
    ("${workflow.input.l[0:1]}", [{"x": 1}]),
    ("${workflow.input.l[?(@.x>1)]}", [{"x": 2}]),
    ("${workflow.input..x}", [1, 1, 2]),
    ("${workflow.input.l.length()}", 2),
    ("${workflow.input['a b']}", 7),
    ("${workflow.input.${workflow.input.k}}", 1),
    ("$${workflow.input.a}", "${workflow.input.a}"),
    ("x$${workflow.input.a}y${workflow.input.a}", "x${workflow.input.a}y1"),
    ("$$${workflow.input.a}", "$${workflow.input.a}"),
    ("${}", ""),
    ("${  }", ""),
    ("${ workflow.input.a }", None),
    ("${nosuch.output.x}", None),
    ("${workflow.input[}", None),
    ("${workflow.input.a", "${workflow.input.a"),
    ("}${", "}${"),
    ("${workflow.input.m.x}}", "1}"),
    ('{"j": ${workflow.input.a}}', '{"j": 1}'),
    ("f=${workflow.input.f}", "f=1.0"),
    ("${workflow.input.f}", 1.0),
    ("${workflow.status}", "RUNNING"),
    ("${task.status}", "COMPLETED"),
    ("${$.workflow.input.a}", 1),
    ("${workflow.input.nosuch[*]}", []),
    ("${workflow.createTime}", None),
]


@pytest.mark.parametrize(("template", "expected"), VERIFIED)
def test_the_verified_table_holds(template: str, expected: Any) -> None:
    value = resolved(template)

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(("template", "expected"), VERIFIED)
def test_the_verified_table_holds_inside_of_maps_and_lists(template: str, expected: Any) -> None:
    assert resolved({"${k}": [template, {"deep": template}], "n": 1}) == {
        "${k}": [expected, {"deep": expected}],
        "n": 1,
    }


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${task.output.r.list[1][0]}", 2),
        ("${task.output.r.list[-1][-1]}", 3),
        ("${task.output.r.list[-3]}", None),
        ("${task.output.big[0]}", None),  # an index means nothing on a string
        ("${task.output.big.x}", None),
        ("${task.output.r['list'][0]}", 1),
        ("${task['output']['r'].list[0]}", 1),
        ("${['task'].output.r.list[0]}", 1),
        ("${task[0]}", None),
        ("${workflow.input.m.n.x}", None),
        ("${workflow.input.m['x','n','no']}", {"x": 1, "n": None}),
        ("${workflow.length()}", 3),
        ("${workflow['status','zz']}", {"status": "RUNNING"}),
        ("${$..nosuch}", []),
        ("${$.task.output.r.list[?(@ == $.workflow.input.a)]}", [1]),
        ("${task.output.r.list[?(@ == $.workflow.input.a)]}", [1]),
        ("${task}", {"status": "COMPLETED", "output": {"r": {"list": [1, [2, 3]]}, "big": "x" * 1000}}),
        ("${nosuch}", None),
        ("a${workflow.input.m.n}b", "anullb"),
        ("${workflow.input.l[*].x}-${workflow.input.m.l}", "[1,2]-[1, q]"),
        ("${workflow.input.l[9:]}.", "[]."),
        ("a}b${workflow.input.a}{", "a}b1{"),
        ("${a{b}c}", None),
        ("${x ${workflow.input.a}", "${x 1"),
        ("$${x ${workflow.input.a}}", "${x 1}"),
        ("${workflow.input.a}${workflow.input.s}", "1str"),
        ("${workflow.input.a} ", "1 "),
        ("$", "$"),
        ("", ""),
        ("$${", "${"),
    ],
)
def test_paths_and_text_beside_the_table(template: str, expected: Any) -> None:
    assert resolved(template) == expected


def test_values_that_hold_tokens_are_not_resolved_again() -> None:
    document = FakeDocument(t={"output": {"v": "${workflow.input.a}", "e": "a$${b}"}})

    assert resolved("${t.output.v}", document) == "${workflow.input.a}"
    assert resolved("v=${t.output.v}", document) == "v=${workflow.input.a}"
    assert resolved("${t.output.e}", document) == "a$${b}"
    assert resolved("v=${t.output.e}", document) == "v=a${b}"  # upstream loses one $ here as well


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${workflow.input.l[${workflow.input.a}].x}", 2),
        ("${${workflow.input.root}.status}", "COMPLETED"),
        ("${workflow.input.${workflow.input.${workflow.input.kk}}}", 1),
        ("v=${workflow.input.${workflow.input.k}}!", "v=1!"),
        ("v=${workflow.input.l[${workflow.input.star}].x}!", "v=[1,2]!"),
        ("${workflow.input.${workflow.input.missing}}", None),
        ("${workflow.input[${workflow.input.s}]}", None),
        ("${${workflow.input.empty}}", ""),
        ("${${}}", ""),
        ("${workflow.input.${}a}", 1),
    ],
)
def test_tokens_inside_of_tokens_are_resolved_first(template: str, expected: Any) -> None:
    document = FakeDocument()
    document.roots["workflow"]["input"] = {**INPUT, "root": "task", "kk": "k", "star": "*", "empty": ""}

    assert resolved(template, document) == expected


def test_structure_is_kept_and_other_values_pass_through() -> None:
    template = {"b": 1, "a": ["${workflow.input.a}", None, True, 1.5], "z": {}, "e": []}

    value = resolved(template)

    assert value == {"b": 1, "a": [1, None, True, 1.5], "z": {}, "e": []}
    assert list(value) == ["b", "a", "z", "e"]


def test_the_top_level_of_a_result_belongs_to_the_caller() -> None:
    for given_template in ({"a": 1}, {"a": "${workflow.input.a}"}, ["x"]):
        template = compile_template(given_template)
        first = template.resolve(FakeDocument())
        first.clear()

        assert len(template.resolve(FakeDocument())) == 1


def test_constants_are_known_as_such() -> None:
    assert compile_template({"a": [1, "$${x}", "${", "${}", "${workflow.secrets.A}"]}).is_constant
    assert compile_template("${broken[}").is_constant
    assert not compile_template({"a": ["${t.output.x}"]}).is_constant


def test_roots_name_what_a_template_depends_on() -> None:
    template = compile_template(
        {
            "a": "${workflow.input.a} ${t1.output.x}",
            "b": ["${t2.output..x}", "${['t 3'].status}", "${t4}"],
            "c": "${CPEWF_TASK_ID} ${workflow.env.X} ${workflow.secrets.Y} $${t5.output}",
        }
    )

    assert template.roots == {"workflow", "t1", "t2", "t 3", "t4"}
    assert not template.is_dynamic
    assert template.has_secrets


@pytest.mark.parametrize("text", ["${$..x}", "${*.status}", "${t.output[?(@.x == $.u.output.x)]}", "${${a.b}.c}"])
def test_a_template_that_may_read_any_root_is_dynamic(text: str) -> None:
    assert compile_template(text).is_dynamic


def test_nested_roots_are_known_too() -> None:
    assert compile_template("${t1.output.${t2.output.k}}").roots == {"t2"}


def test_only_the_fields_that_are_named_are_asked_for() -> None:
    document = FakeDocument()

    resolved({"a": "${workflow.input.a}", "b": "${task.output.r.list[0]}", "c": "${workflow.input..x}"}, document)

    assert document.asked == [("workflow", "input"), ("task", "output"), ("workflow", "input")]


def test_maps_that_load_entries_on_demand_are_walked_and_made_whole() -> None:
    class Iterations(dict[str, Any]):
        def __missing__(self, key: str) -> Any:
            if key != "2":
                raise KeyError(key)
            return {"body": {"x": 5}}

        def whole(self) -> dict[str, Any]:
            return {"2": self["2"], **self}

    document = FakeDocument(lp={"output": Iterations(iteration=2)})

    assert resolved("${lp.output['2'].body.x}", document) == 5
    assert resolved("${lp.output.iteration}", document) == 2
    assert resolved("${lp.output['3'].body.x}", document) is None
    assert resolved("${lp.output}", document) == {"2": {"body": {"x": 5}}, "iteration": 2}
    assert resolved("o=${lp.output}", document) == "o={2={body={x=5}}, iteration=2}"
    assert resolved("${lp.output..x}", document) == [5]


def test_system_names_have_their_value_or_stay_as_they_are() -> None:
    document = FakeDocument()
    document.systems = {"CPEWF_TASK_ID": "id-1", "HOME_OF_ALL": "here"}

    assert resolved("${CPEWF_TASK_ID}", document) == "id-1"
    assert resolved("t=${CPEWF_TASK_ID}!", document) == "t=id-1!"
    assert resolved("${HOME_OF_ALL}/x", document) == "here/x"
    assert resolved("${NETFLIX_ENV}", document) == "${NETFLIX_ENV}"
    assert resolved("x-${NETFLIX_STACK}", document) == "x-${NETFLIX_STACK}"
    assert resolved("${CPEWF_TASK_ID}", FakeDocument()) == "${CPEWF_TASK_ID}"
    assert resolved("${NETFLIX_OTHER}", document) is None


def test_the_environment_store_gives_texts_and_what_is_in_their_json() -> None:
    document = FakeDocument()
    document.store = {"URL": "http://x", "J": '{"a": {"b": [1, 2]}}', "BAD": "{"}

    assert resolved("${workflow.env.URL}", document) == "http://x"
    assert resolved("${workflow.env.URL}/p", document) == "http://x/p"
    assert resolved("${workflow.env.J}", document) == '{"a": {"b": [1, 2]}}'
    assert resolved("${workflow.env.J.a.b[1]}", document) == 2
    assert resolved("${workflow.env.J.a..b[*]}", document) == [1, 2]
    for text in ["${workflow.env.NONE}", "${workflow.env.BAD.x}", "${workflow.env.J.a[}", "${workflow.env.}"]:
        assert resolved(text, document) is None


def test_secrets_stay_literal_until_they_are_substituted() -> None:
    template = {"p": "${workflow.secrets.PW}", "q": "a ${workflow.secrets.PW} ${workflow.input.a}"}

    value = resolved(template)

    assert value == {"p": "${workflow.secrets.PW}", "q": "a ${workflow.secrets.PW} 1"}
    assert substitute_secrets(value, {"PW": "s3cret"}.get) == {"p": "s3cret", "q": "a s3cret 1"}


def test_a_secret_as_a_whole_is_a_value_and_inside_of_text_a_text() -> None:
    store = {"J": '{"u": "me", "n": 7, "m": {"k": "v"}}'}.get

    assert substitute_secrets("${workflow.secrets.J.n}", store) == 7
    assert substitute_secrets("n=${workflow.secrets.J.n} ${workflow.secrets.J.m}", store) == "n=7 {k=v}"
    assert substitute_secrets("${workflow.secrets.NONE}", store) is None
    assert substitute_secrets("<${workflow.secrets.NONE}>", store) == "<>"
    assert substitute_secrets("<${workflow.secrets.J.none}>", store) == "<>"
    assert substitute_secrets(["${other} $${workflow.secrets.J}", 1, None], store) == [
        "${other} $${workflow.secrets.J}",
        1,
        None,
    ]


def test_a_secret_is_never_chosen_by_data() -> None:
    document = FakeDocument()
    document.roots["workflow"]["input"] = {"name": "PW", "part": "secrets.PW"}
    for text in ["${workflow.secrets.${workflow.input.name}}", "${workflow.${workflow.input.part}}"]:
        value = resolved({"p": text}, document)

        assert value == {"p": text}
        assert "s3cret" not in str(substitute_secrets(value, {"PW": "s3cret"}.get))


def test_secrets_are_found_in_bytes_without_parsing() -> None:
    assert has_secrets(b'{"a":"x ${workflow.secrets.PW}"}')
    assert not has_secrets(b'{"a":"${workflow.env.PW}"}')


def test_substituting_has_bounds() -> None:
    deep: Any = "${workflow.secrets.A}"
    for _ in range(1000):
        deep = [deep]
    with pytest.raises(ExpressionTooLarge):
        substitute_secrets(deep, {"A": "x"}.get)
    with pytest.raises(ExpressionTooLarge):
        substitute_secrets(["${workflow.secrets.A} " * 20] * 20, {"A": "x" * 100_000}.get)


def test_tokens_and_templates_that_nest_too_deeply_are_refused() -> None:
    tokens = "a"
    template: Any = "${a.b}"
    for _ in range(40):
        tokens = f"${{{tokens}}}"
    for _ in range(2000):
        template = [template]

    for given_template in (tokens, template):
        with pytest.raises(ExpressionTooLarge):
            compile_template(given_template)
    assert resolved("${a${b}" * 20) == "${anull" * 20


def test_text_that_multiplies_is_stopped() -> None:
    document = FakeDocument(t={"output": {"big": "x" * 1_000_000, "l": [["y" * 1_000_000]]}})

    assert len(resolved("${t.output.big}" * 9, document)) == 9_000_000
    for text in ["${t.output.big}", "${t.output.l}", "${t.output.l[*]}"]:
        with pytest.raises(ExpressionTooLarge):
            resolved(text * 11, document)
    with pytest.raises(ExpressionTooLarge):
        resolved([f"a{'${t.output.big}' * 6}", f"b{'${t.output.big}' * 6}"], document)


def test_values_that_multiply_are_stopped() -> None:
    document = FakeDocument(t={"output": {"l": ["x" * 1_000_000]}})

    assert len(resolved(["${t.output.l}"] * 3, document)) == 3
    with pytest.raises(ExpressionTooLarge):
        resolved([{"k": "${t.output.l}"} for _ in range(20)], document)
    with pytest.raises(ExpressionTooLarge):
        resolved("${t.output['a','l'].append($.t.output.l," + "$.t.output.l," * 10 + "1)}", document)
    with pytest.raises(ExpressionTooLarge):
        resolved({"a": ["${t.output.l.append(" + ",".join(["$.t.output.l"] * 12) + ")}"]}, document)


@pytest.mark.parametrize(
    "text",
    [
        "${" * 200_000,
        "${" * 100_000 + "}" * 10,
        "{" * 400_000,
        "}" * 400_000 + "${a}",
        "$" * 400_000 + "{a}",
        "${}" * 100_000,
        "${workflow.secrets.a}" * 20_000,
        "${" + "a." * 200_000 + "}",
        "${" + "[" * 200_000 + "}",
        "${$[?(" + "(" * 1500 + "}",
    ],
)
def test_hostile_text_is_compiled_and_resolved_quickly(text: str) -> None:
    start = time.process_time()

    assert isinstance(resolved(text), str | None)

    assert time.process_time() - start < 3


def test_an_event_payload_is_a_document() -> None:
    template = compile_template({"id": "${order.id}", "all": "${$}", "x": "${items[*].n}", "no": "${HOME} ${a.b}"})
    payload = {"order": {"id": 5}, "items": [{"n": 1}, {"n": 2}]}

    assert template.resolve(MapDocument(payload)) == {"id": 5, "all": payload, "x": [1, 2], "no": "null null"}
    assert template.resolve(MapDocument("text")) == {"id": None, "all": "text", "x": [], "no": "null null"}
    assert compile_template("${workflow.env.A} ${CPEWF_TASK_ID}").resolve(MapDocument({})) == "null ${CPEWF_TASK_ID}"


keys = st.sampled_from(["a", "b", "0", "x y"])
data = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(data, st.lists(keys | st.integers(-3, 3), max_size=4))
def test_the_short_way_reads_what_the_path_reads(value: Any, steps: list[str | int]) -> None:
    path = "t.output" + "".join(f"[{step!r}]" for step in steps)
    document = FakeDocument(t={"output": value})

    assert resolved(f"${{{path}}}", document) == compile_path(path).read(document.roots)


def test_limits_are_those_of_the_whole_result() -> None:
    assert EXPANSION_CHARS_MAX == 10_000_000
