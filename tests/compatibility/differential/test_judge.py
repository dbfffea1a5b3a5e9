"""How scenarios are judged that upstream may answer in several ways."""

from typing import Any

from tests.compatibility.differential.judge import Judge, Tally

Json = Any


def record(value: int) -> Json:
    return [["GET /x", {"status": value}]]


def judge(podium: int, *upstream: int) -> Tally:
    found = Judge("s", {"one": record(upstream[0])}, {"one": record(podium)})
    for value in upstream[1:]:
        found.hear({"one": record(value)})
    return found.tally()


def test_one_of_upstreams_answers_is_enough() -> None:
    assert judge(200, 201, 200).equal == 1


def test_another_answer_than_upstreams_is_bad_when_upstream_is_clear() -> None:
    found = judge(200, 201, 201)

    assert (found.bad, found.restless, found.is_good()) == (["s/one"], [], False)


def test_what_upstream_answers_in_several_ways_says_nothing() -> None:
    found = judge(200, 201, 202)

    assert (found.bad, found.restless) == ([], ["s/one"])


def test_what_upstream_never_answered_is_bad() -> None:
    assert Judge("s", {}, {"one": record(200)}).tally().bad == ["s/one"]


def test_little_may_be_unclear() -> None:
    assert Tally(equal=99, restless=["a"]).is_good()
    assert not Tally(equal=98, restless=["a"]).is_good()
    assert not Tally(equal=99, bad=["a"]).is_good()


def test_allowed_differences_are_counted_by_row() -> None:
    found = judge(400, 500)

    assert (found.allowed, list(found.rows)) == (1, ["malformed or mistyped JSON"])
    assert "1 malformed or mistyped JSON" in found.table()


def test_tallies_add_up_and_idle_is_what_nobody_needed() -> None:
    total = Tally()
    total += Tally(equal=1, idle={"a", "b"})
    total += Tally(equal=2, idle={"b"})

    assert (total.equal, total.compared, total.idle) == (3, 3, {"b"})
