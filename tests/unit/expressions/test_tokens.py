from podium.expressions.tokens import Token, split_tokens, token_paths


def test_text_and_tokens_alternate_in_order() -> None:
    assert split_tokens("a${b.c}d${e}") == ["a", Token("${b.c}", "b.c"), "d", Token("${e}", "e")]


def test_without_tokens_there_is_one_piece_or_none() -> None:
    assert split_tokens("plain $ {x}") == ["plain $ {x}"]
    assert split_tokens("") == []


def test_braces_inside_of_a_token_are_balanced() -> None:
    assert split_tokens("${a{b}c}d}") == [Token("${a{b}c}", "a{b}c"), "d}"]
    assert split_tokens("${a${b}}") == [Token("${a${b}}", "a${b}")]


def test_an_open_end_is_text_but_what_is_in_it_is_looked_at() -> None:
    assert split_tokens("${a ${b}") == ["${a ", Token("${b}", "b")]


def test_a_dollar_before_it_makes_a_token_text() -> None:
    assert split_tokens("$${a}") == ["$${a}"]
    assert split_tokens("${a}${b}") == [Token("${a}", "a"), Token("${b}", "b")]
    assert split_tokens("${a}$${b}") == [Token("${a}", "a"), "$${b}"]


def test_paths_are_those_of_the_outer_tokens() -> None:
    assert token_paths("x ${a.b} ${c.${d}} $${e} ${}") == ["a.b", "c.${d}", ""]
