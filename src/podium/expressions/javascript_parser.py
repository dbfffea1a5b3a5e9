"""Reads the subset of JavaScript that conditions are written in and turns it into Python closures.

Whatever is not certain to be in the subset, comments and regular expressions included, raises `OutsideSubset`. Nesting
is bounded and nothing repeats, so that a script takes at most as many steps as it has characters.
"""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from podium.expressions import javascript_operator as js
from podium.expressions.bounds import SCRIPT_DEPTH_MAX
from podium.expressions.javascript_operator import UNDEFINED, outside
from podium.expressions.json_value import Json

Run: TypeAlias = Callable[[Json], Json]

_EMPTY: Final[Any] = object()  # what a statement yields that has no value
_NO_CONSTANT: Final[Any] = object()

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_$.\\])
      | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)(?!\\)
      | (?P<string>'(?:[^'\\\r\n]|\\.)*'|"(?:[^"\\\r\n]|\\.)*")
      | (?P<sign>===|!==|=>|==|!=|<=|>=|&&|\|\||-(?!-)|[+*/%<>!?:;.(){}\[\]])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", "'": "'", '"': '"', "/": "/"}
_WORDS = {"true": True, "false": False, "null": None, "undefined": UNDEFINED}
_STATEMENT_WORDS = frozenset({"if", "else", "return", "function"})
_RESERVED_NAMES = """
    $ Infinity NaN arguments async await break case catch class const continue debugger default delete do else enum
    eval export extends false finally for function if implements import in instanceof interface let new null of
    package private protected public return static super switch this throw true try typeof undefined var void while
    with yield
"""
_RESERVED = frozenset(_RESERVED_NAMES.split())
_BINARY: dict[str, tuple[int, Callable[[Json, Json], Json]]] = {
    "==": (3, js.equal),
    "!=": (3, js.not_equal),
    "===": (3, js.identical),
    "!==": (3, js.not_identical),
    "<": (4, js.less),
    "<=": (4, js.less_or_equal),
    ">": (4, js.greater),
    ">=": (4, js.greater_or_equal),
    "+": (5, js.add),
    "-": (5, js.subtract),
    "*": (6, js.multiply),
    "/": (6, js.divide),
    "%": (6, js.remainder),
}
_OR, _AND = 1, 2
_LEVELS = {"||": _OR, "&&": _AND, **{sign: level for sign, (level, _) in _BINARY.items()}}


class _Token(NamedTuple):
    kind: str
    text: str
    after_newline: bool


class _Node(NamedTuple):
    """A compiled expression: *depth* bounds the recursion of running it; *keys* is set for a plain path below `$`."""

    run: Run
    depth: int
    constant: Json = _NO_CONSTANT
    keys: tuple[str, ...] | None = None


_END = _Token("end", "", True)


def parse_script(text: str) -> Run:
    """Return the program as a function of `$` that gives its completion value; raise `OutsideSubset`."""
    return _Parser(_tokens(text)).program()


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, after_newline = 0, False
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            outside()
        at = found.end()
        kind, part = str(found.lastgroup), found.group()
        if kind == "space":
            after_newline = after_newline or "\n" in part or "\r" in part
        else:
            tokens.append(_Token(kind, part, after_newline))
            after_newline = False
    return tokens


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._function: tuple[str, _Node] | None = None

    # -- statements

    def program(self) -> Run:
        if self._sees("function"):
            self._declaration()
        block = _block(self._statements("", in_function=False), in_function=False)

        def run(dollar: Json) -> Json:
            value = block.run(dollar)
            return UNDEFINED if value is _EMPTY else value

        return run

    def _declaration(self) -> None:
        self._at += 1
        name = self._function_name()
        self._expect("(", ")")
        self._function = (name, self._body())

    def _function_name(self) -> str:
        token = self._next()
        if token.kind != "name" or token.text in _RESERVED:
            outside()
        return token.text

    def _statements(self, end: str, in_function: bool) -> list[_Node]:
        nodes: list[_Node] = []
        while not self._sees(end):
            node = self._statement(in_function)
            if node is not None:
                nodes.append(node)
        return nodes

    def _statement(self, in_function: bool) -> _Node | None:
        if self._takes(";"):
            return None
        if self._takes("if"):
            return self._if(in_function)
        if self._sees("return"):
            return self._return(in_function)
        node = self._expression()
        self._end_statement()
        return _without_value(node) if in_function else node

    def _return(self, in_function: bool) -> _Node:
        self._at += 1
        token = self._peek()
        if not in_function or (token.after_newline and token is not _END):
            outside()
        if token.text in (";", "}") and token.kind == "sign":
            self._takes(";")
            return _constant(UNDEFINED)
        node = self._expression()
        self._end_statement()
        return node

    def _end_statement(self) -> None:
        """Step over `;`, or see that the language would put one here."""
        token = self._peek()
        if self._takes(";") or self._sees("}") or token is _END:
            return
        if not (token.after_newline and token.kind == "name" and token.text in _STATEMENT_WORDS):
            outside()

    def _if(self, in_function: bool) -> _Node:
        self._enter()
        self._expect("(")
        test = self._expression()
        self._expect(")")
        then = self._branch(in_function)
        other = self._branch(in_function) if self._takes("else") else _constant(_EMPTY)
        self._leave()
        nothing = _EMPTY if in_function else UNDEFINED
        condition, yes, no = test.run, then.run, other.run

        def run(dollar: Json) -> Json:
            value = yes(dollar) if js.is_truthy(condition(dollar)) else no(dollar)
            return nothing if value is _EMPTY else value

        return _node(run, test, then, other)

    def _branch(self, in_function: bool) -> _Node:
        if not self._takes("{"):
            return self._statement(in_function) or _constant(_EMPTY)
        nodes = self._statements("}", in_function)
        self._expect("}")
        return _block(nodes, in_function)

    def _body(self) -> _Node:
        self._expect("{")
        block = _block(self._statements("}", in_function=True), in_function=True)
        self._expect("}")

        def run(dollar: Json) -> Json:
            value = block.run(dollar)
            return UNDEFINED if value is _EMPTY else value

        return _node(run, block)

    # -- expressions

    def _expression(self) -> _Node:
        self._enter()
        test = self._binary(_OR)
        if self._takes("?"):
            test = self._choice(test)
        self._leave()
        return test

    def _choice(self, test: _Node) -> _Node:
        then = self._expression()
        self._expect(":")
        other = self._expression()
        condition, yes, no = test.run, then.run, other.run
        return _node(lambda dollar: yes(dollar) if js.is_truthy(condition(dollar)) else no(dollar), test, then, other)

    def _binary(self, lowest: int) -> _Node:
        left = self._unary()
        while True:
            token = self._peek()
            level = _LEVELS.get(token.text, 0) if token.kind == "sign" else 0
            if level < lowest or level == 0:
                return left
            self._at += 1
            left = _joined(token.text, left, self._binary(level + 1))

    def _unary(self) -> _Node:
        self._enter()
        if self._takes("!"):
            operand = self._unary()
            inner = operand.run
            node = _node(lambda dollar: not js.is_truthy(inner(dollar)), operand)
        elif self._takes("-"):
            operand = self._unary()
            inner = operand.run
            if operand.constant is not _NO_CONSTANT:
                node = _constant(js.negate(operand.constant))
            else:
                node = _node(lambda dollar: js.negate(inner(dollar)), operand)
        else:
            node = self._postfix(self._primary())
        self._leave()
        return node

    def _postfix(self, node: _Node) -> _Node:
        while True:
            if self._takes("."):
                token = self._next()
                if token.kind != "name":
                    outside()
                node = _member(node, token.text)
            elif self._takes("["):
                key = self._expression()
                self._expect("]")
                node = _member(node, key.constant) if type(key.constant) is str else _element(node, key)
            else:
                return node

    def _primary(self) -> _Node:
        token = self._next()
        if token.kind == "number":
            return _constant(_number(token.text))
        if token.kind == "string":
            return _constant(_string(token.text))
        if token.text == "$":
            return _Node(lambda dollar: dollar, 1, keys=())
        if token.text in _WORDS:
            return _constant(_WORDS[token.text])
        if token.text == "(":
            return self._parenthesis()
        return self._call(token)

    def _call(self, token: _Token) -> _Node:
        """Read the one call of the function that the script declares; a second one could double the work, and so on."""
        if self._function is None or token.kind != "name" or token.text != self._function[0]:
            outside()
        self._expect("(", ")")
        body = self._function[1]
        self._function = None
        return body

    def _parenthesis(self) -> _Node:
        if self._takes("function"):
            if self._peek().kind == "name":
                self._function_name()
            self._expect("(", ")")
            return self._called_at_once(self._body())
        if [token.text for token in self._tokens[self._at : self._at + 3]] == ["(", ")", "=>"]:
            self._at += 3
            if self._tokens[self._at - 1].after_newline:
                outside()
            return self._called_at_once(self._body() if self._sees("{") else self._expression(), is_arrow=True)
        node = self._expression()
        self._expect(")")
        return node

    def _called_at_once(self, body: _Node, is_arrow: bool = False) -> _Node:
        if self._takes(")"):
            self._expect("(", ")")
        elif is_arrow:
            outside()
        else:
            self._expect("(", ")", ")")
        return body

    # -- tokens

    def _peek(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _next(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _sees(self, text: str) -> bool:
        token = self._peek()
        return token.text == text and token.kind != "string"

    def _takes(self, text: str) -> bool:
        found = self._sees(text)
        self._at += found
        return found

    def _expect(self, *texts: str) -> None:
        for text in texts:
            if not self._takes(text):
                outside()

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > SCRIPT_DEPTH_MAX:
            outside()

    def _leave(self) -> None:
        self._depth -= 1


def _node(run: Run, *children: _Node) -> _Node:
    depth = 1 + max(child.depth for child in children)
    return _Node(run, depth) if depth <= SCRIPT_DEPTH_MAX else outside()


def _constant(value: Json) -> _Node:
    return _Node(lambda _: value, 1, value)


def _without_value(node: _Node) -> _Node:
    inner = node.run

    def run(dollar: Json) -> Json:
        inner(dollar)
        return _EMPTY

    return _node(run, node)


def _block(nodes: list[_Node], in_function: bool) -> _Node:
    """Return what runs *nodes* in order: in a function up to the first that returns, else for the last value."""
    if len(nodes) < 2:
        return nodes[0] if nodes else _constant(_EMPTY)
    runs = [node.run for node in nodes]

    def run_function(dollar: Json) -> Json:
        for run in runs:
            value = run(dollar)
            if value is not _EMPTY:
                return value
        return _EMPTY

    def run_program(dollar: Json) -> Json:
        last = _EMPTY
        for run in runs:
            value = run(dollar)
            if value is not _EMPTY:
                last = value
        return last

    return _node(run_function if in_function else run_program, *nodes)


def _joined(sign: str, left: _Node, right: _Node) -> _Node:
    first, second = left.run, right.run
    if sign == "&&":

        def run_and(dollar: Json) -> Json:
            value = first(dollar)
            return second(dollar) if js.is_truthy(value) else value

        return _node(run_and, left, right)
    if sign == "||":

        def run_or(dollar: Json) -> Json:
            value = first(dollar)
            return value if js.is_truthy(value) else second(dollar)

        return _node(run_or, left, right)
    operate = _BINARY[sign][1]
    return _node(lambda dollar: operate(first(dollar), second(dollar)), left, right)


def _member(node: _Node, name: str) -> _Node:
    if name == "__proto__":
        outside()
    if node.keys is not None:
        keys = (*node.keys, name)
        return _Node(_path(keys), 1, keys=keys)
    inner = node.run
    return _node(lambda dollar: js.member(inner(dollar), name), node)


def _path(keys: tuple[str, ...]) -> Run:
    """Return the walk down maps; anything but a map on the way is left to `member`."""

    def run(dollar: Json) -> Json:
        value = dollar
        try:
            for key in keys:
                value = value[key]
        except (KeyError, TypeError):
            value = dollar
            for key in keys:
                value = js.member(value, key)
        return value

    return run


def _element(node: _Node, key: _Node) -> _Node:
    inner, index = node.run, key.run
    return _node(lambda dollar: js.element(inner(dollar), index(dollar)), node, key)


def _number(text: str) -> int | float:
    return js.exact(int(text) if text.isdigit() else float(text))


def _string(text: str) -> str:
    return _ESCAPE.sub(_unescaped, text[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code is None:
        return _ESCAPED[match[3]] if match[3] in _ESCAPED else outside()
    char = chr(int(code, 16))
    return char if not "\ud800" <= char <= "\udfff" else outside()
