"""Admission: what is refused when commands wait for too long."""

import pytest

from podium.engine.commands import Pause, StartWorkflow, UpdateTask
from podium.model.errors import Overloaded
from podium.runtime import overload
from podium.runtime.overload import BATCH_MAX, Admission, payload_size

START = StartWorkflow("w", 1, "hash", input=b"x" * 100)
RESULT = UpdateTask(1, "COMPLETED", output=b"x" * 50)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def admission(clock: Clock) -> Admission:
    return Admission(start_wait_s_max=1.0, now_s=clock)


def commits_take(admission: Admission, clock: Clock, seconds: float) -> None:
    """Let so many commits pass that their duration is the usual one."""
    for _ in range(50):
        number = admission.begin()
        clock.now_s += seconds
        admission.end(number)


def is_taken(admission: Admission, command: object, workflows: int) -> bool:
    try:
        admission.admit(command, workflows)  # type: ignore[arg-type]
    except Overloaded:
        return False
    return True


def test_all_is_taken_while_nothing_waits(admission: Admission, clock: Clock) -> None:
    commits_take(admission, clock, 60.0)  # however slow it was before

    assert is_taken(admission, START, 0)
    assert is_taken(admission, RESULT, 0)
    assert admission.wait_s(0) == 0


def test_starts_are_refused_when_the_batches_before_them_take_too_long(admission: Admission, clock: Clock) -> None:
    commits_take(admission, clock, 0.1)
    admission.begin()

    assert is_taken(admission, START, 8 * BATCH_MAX)  # 0.9 s
    assert not is_taken(admission, START, 10 * BATCH_MAX)  # 1.1 s
    assert admission.refused.starts == 1


def test_results_are_taken_ten_times_longer(admission: Admission, clock: Clock) -> None:
    commits_take(admission, clock, 0.1)
    admission.begin()

    assert is_taken(admission, RESULT, 98 * BATCH_MAX)
    assert is_taken(admission, Pause(), 98 * BATCH_MAX)
    assert not is_taken(admission, RESULT, 101 * BATCH_MAX)
    assert (admission.refused.starts, admission.refused.others) == (0, 1)


def test_starts_are_refused_while_a_commit_hangs(admission: Admission, clock: Clock) -> None:
    admission.begin()
    clock.now_s = 1.1

    assert not is_taken(admission, START, 1)
    assert is_taken(admission, RESULT, 1)

    clock.now_s = 10.1
    assert not is_taken(admission, RESULT, 1)


def test_a_slow_store_still_gets_full_batches(admission: Admission, clock: Clock) -> None:
    commits_take(admission, clock, 5.0)  # each longer than a start should wait
    admission.begin()

    assert is_taken(admission, START, BATCH_MAX - 1)
    assert not is_taken(admission, START, BATCH_MAX)


def test_a_refusal_says_when_to_come_again(admission: Admission, clock: Clock) -> None:
    commits_take(admission, clock, 2.0)
    admission.begin()

    with pytest.raises(Overloaded) as refusal:
        admission.admit(START, 2 * BATCH_MAX)

    assert 5 <= refusal.value.retry_s <= 6


def test_time_to_come_again_has_a_bound(admission: Admission, clock: Clock) -> None:
    admission.begin()
    clock.now_s = 1_000.0

    with pytest.raises(Overloaded) as refusal:
        admission.admit(START, 0)

    assert refusal.value.retry_s == 30


def test_after_a_jam_starts_are_taken_again(admission: Admission, clock: Clock) -> None:
    number = admission.begin()
    clock.now_s = 60.0
    admission.end(number)
    commits_take(admission, clock, 0.001)
    admission.begin()

    assert is_taken(admission, START, BATCH_MAX)


def test_numbers_and_bytes_of_what_waits_have_a_bound(admission: Admission, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "WAITING_MAX", 2)
    monkeypatch.setattr(overload, "WAITING_BYTES_MAX", 250)
    admission.add(payload_size(START))
    assert is_taken(admission, RESULT, 1)

    admission.add(payload_size(RESULT))
    assert not is_taken(admission, RESULT, 2)

    monkeypatch.setattr(overload, "WAITING_MAX", 100)
    admission.add(payload_size(START))
    assert (admission.commands, admission.payload_bytes) == (3, 250)
    assert not is_taken(admission, RESULT, 2)

    for command in (START, START, RESULT):
        admission.remove(payload_size(command))
    assert (admission.commands, admission.payload_bytes) == (0, 0)
    assert is_taken(admission, RESULT, 0)
