"""The memory of outputs that may be taken over."""

from podium.model.transition import KeptOutput, Transition
from podium.model.workflow import Head, Workflow
from podium.runtime.kept import ENTRY_BYTES, OUTPUT_BYTES_MAX, KeptOutputs


class Stage:
    def __init__(self, bytes_max: int = 10_000) -> None:
        self.now_ms = 1_000
        self.outputs = KeptOutputs(lambda: self.now_ms, bytes_max)

    def keep(self, key: str, output: bytes = b"{}", until_ms: int = 2_000) -> None:
        change = Transition(Workflow(Head("i", "w", 1, "h"), None), -1)
        change.kept.append(KeptOutput("a", key, until_ms, output))
        self.outputs.note(change)

    def known(self, *keys: str) -> list[bool]:
        return [self.outputs.get("a", key) is not None for key in keys]


def test_an_output_is_found_until_its_time():
    stage = Stage()
    stage.keep("k", b'{"x":1}')

    assert stage.outputs.get("a", "k") == b'{"x":1}'
    assert stage.outputs.get("b", "k") is None
    stage.now_ms = 2_000
    assert stage.known("k") == [False]


def test_a_later_output_replaces_an_earlier_one():
    stage = Stage()
    stage.keep("k", b'{"x":1}')
    stage.keep("k", b'{"x":2}')

    assert stage.outputs.get("a", "k") == b'{"x":2}'


def test_the_one_used_longest_ago_makes_room():
    stage = Stage(3 * (ENTRY_BYTES + 4))
    for key in "123":
        stage.keep(key)
    stage.known("1")
    stage.keep("4")

    assert stage.known(*"1234") == [True, False, True, True]


def test_a_very_large_output_is_not_kept():
    stage = Stage(10 * OUTPUT_BYTES_MAX)
    stage.keep("k", b" " * (OUTPUT_BYTES_MAX + 1))

    assert stage.known("k") == [False]
