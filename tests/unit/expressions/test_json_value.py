from typing import Any

import pytest

from podium.expressions.bounds import ExpressionTooLarge
from podium.expressions.json_value import chars_of, plain


def test_size_grows_with_strings_keys_and_elements() -> None:
    assert chars_of("abc") == 3
    assert chars_of(["x" * 100, {"k" * 50: 1}]) > 150
    assert chars_of(None) == chars_of(1) == 4


def test_measuring_stops_at_the_limit() -> None:
    doubling: Any = [1]
    for _ in range(60):
        doubling = [doubling, doubling]

    with pytest.raises(ExpressionTooLarge):
        chars_of(doubling, limit=100_000)


def test_plain_values_stay_the_same_object() -> None:
    value = {"a": 1}

    assert plain(value) is value
    assert plain(None) is None


def test_a_map_of_another_kind_becomes_an_ordinary_one() -> None:
    class Loaded(dict[str, Any]):
        def whole(self) -> dict[str, Any]:
            return {"all": True}

    class Other(dict[str, Any]):
        pass

    assert plain(Loaded()) == {"all": True}
    assert type(plain(Other(a=1))) is dict
