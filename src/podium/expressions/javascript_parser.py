"""Reads the subset of JavaScript that conditions are written in and turns it into Python closures.

Whatever is not certain to be in the subset, comments and regular expressions included, raises `OutsideSubset`. Nesting
is bounded and nothing repeats, so that a script takes at most as many steps as it has characters.
"""

from podium.expressions import javascript_node as nodes
from podium.expressions import javascript_operator as js
from podium.expressions.bounds import SCRIPT_DEPTH_MAX
from podium.expressions.javascript_node import BINARY, EMPTY, NO_CONSTANT, Node, Run
from podium.expressions.javascript_operator import UNDEFINED, outside
from podium.expressions.javascript_token import END, Token, number_of, read_tokens, string_of
from podium.expressions.json_value import Json

_WORDS = {"true": True, "false": False, "null": None, "undefined": UNDEFINED}
_STATEMENT_WORDS = frozenset({"if", "else", "return", "function"})
_RESERVED_NAMES = """
    $ Infinity NaN arguments async await break case catch class const continue debugger default delete do else enum
    eval export extends false finally for function if implements import in instanceof interface let new null of
    package private protected public return static super switch this throw true try typeof undefined var void while
    with yield
"""
_RESERVED = frozenset(_RESERVED_NAMES.split())
_OR, _AND = 1, 2
_LEVELS = {"||": _OR, "&&": _AND, **{sign: level for sign, (level, _) in BINARY.items()}}


def parse_script(text: str) -> Run:
    """Return the program as a function of `$` that gives its completion value; raise `OutsideSubset`."""
    return _Parser(read_tokens(text)).program()


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._function: tuple[str, Node] | None = None

    # -- statements

    def program(self) -> Run:
        if self._sees("function"):
            self._declaration()
        block = nodes.block(self._statements("", in_function=False), in_function=False)

        def run(dollar: Json) -> Json:
            value = block.run(dollar)
            return UNDEFINED if value is EMPTY else value

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

    def _statements(self, end: str, in_function: bool) -> list[Node]:
        statements: list[Node] = []
        while not self._sees(end):
            node = self._statement(in_function)
            if node is not None:
                statements.append(node)
        return statements

    def _statement(self, in_function: bool) -> Node | None:
        if self._takes(";"):
            return None
        if self._takes("if"):
            return self._if(in_function)
        if self._sees("return"):
            return self._return(in_function)
        node = self._expression()
        self._end_statement()
        return nodes.without_value(node) if in_function else node

    def _return(self, in_function: bool) -> Node:
        self._at += 1
        token = self._peek()
        if not in_function or (token.after_newline and token is not END):
            outside()
        if token.text in (";", "}") and token.kind == "sign":
            self._takes(";")
            return nodes.constant(UNDEFINED)
        node = self._expression()
        self._end_statement()
        return node

    def _end_statement(self) -> None:
        """Step over `;`, or see that the language would put one here."""
        token = self._peek()
        if self._takes(";") or self._sees("}") or token is END:
            return
        if not (token.after_newline and token.kind == "name" and token.text in _STATEMENT_WORDS):
            outside()

    def _if(self, in_function: bool) -> Node:
        self._enter()
        self._expect("(")
        test = self._expression()
        self._expect(")")
        then = self._branch(in_function)
        other = self._branch(in_function) if self._takes("else") else nodes.constant(EMPTY)
        self._leave()
        nothing = EMPTY if in_function else UNDEFINED
        condition, yes, no = test.run, then.run, other.run

        def run(dollar: Json) -> Json:
            value = yes(dollar) if js.is_truthy(condition(dollar)) else no(dollar)
            return nothing if value is EMPTY else value

        return nodes.compose(run, test, then, other)

    def _branch(self, in_function: bool) -> Node:
        if not self._takes("{"):
            return self._statement(in_function) or nodes.constant(EMPTY)
        statements = self._statements("}", in_function)
        self._expect("}")
        return nodes.block(statements, in_function)

    def _body(self) -> Node:
        self._expect("{")
        block = nodes.block(self._statements("}", in_function=True), in_function=True)
        self._expect("}")

        def run(dollar: Json) -> Json:
            value = block.run(dollar)
            return UNDEFINED if value is EMPTY else value

        return nodes.compose(run, block)

    # -- expressions

    def _expression(self) -> Node:
        self._enter()
        test = self._binary(_OR)
        if self._takes("?"):
            test = self._choice(test)
        self._leave()
        return test

    def _choice(self, test: Node) -> Node:
        then = self._expression()
        self._expect(":")
        other = self._expression()
        condition, yes, no = test.run, then.run, other.run
        return nodes.compose(
            lambda dollar: yes(dollar) if js.is_truthy(condition(dollar)) else no(dollar), test, then, other
        )

    def _binary(self, lowest: int) -> Node:
        left = self._unary()
        while True:
            token = self._peek()
            level = _LEVELS.get(token.text, 0) if token.kind == "sign" else 0
            if level < lowest or level == 0:
                return left
            self._at += 1
            left = nodes.joined(token.text, left, self._binary(level + 1))

    def _unary(self) -> Node:
        self._enter()
        if self._takes("!"):
            operand = self._unary()
            inner = operand.run
            node = nodes.compose(lambda dollar: not js.is_truthy(inner(dollar)), operand)
        elif self._takes("-"):
            operand = self._unary()
            inner = operand.run
            if operand.constant is not NO_CONSTANT:
                node = nodes.constant(js.negate(operand.constant))
            else:
                node = nodes.compose(lambda dollar: js.negate(inner(dollar)), operand)
        else:
            node = self._postfix(self._primary())
        self._leave()
        return node

    def _postfix(self, node: Node) -> Node:
        while True:
            if self._takes("."):
                token = self._next()
                if token.kind != "name":
                    outside()
                node = nodes.member(node, token.text)
            elif self._takes("["):
                key = self._expression()
                self._expect("]")
                node = nodes.member(node, key.constant) if type(key.constant) is str else nodes.element(node, key)
            else:
                return node

    def _primary(self) -> Node:
        token = self._next()
        if token.kind == "number":
            return nodes.constant(number_of(token.text))
        if token.kind == "string":
            return nodes.constant(string_of(token.text))
        if token.text == "$":
            return Node(lambda dollar: dollar, 1, keys=())
        if token.text in _WORDS:
            return nodes.constant(_WORDS[token.text])
        if token.text == "(":
            return self._parenthesis()
        return self._call(token)

    def _call(self, token: Token) -> Node:
        """Read the one call of the function that the script declares; a second one could double the work, and so on."""
        if self._function is None or token.kind != "name" or token.text != self._function[0]:
            outside()
        self._expect("(", ")")
        body = self._function[1]
        self._function = None
        return body

    def _parenthesis(self) -> Node:
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

    def _called_at_once(self, body: Node, is_arrow: bool = False) -> Node:
        if self._takes(")"):
            self._expect("(", ")")
        elif is_arrow:
            outside()
        else:
            self._expect("(", ")", ")")
        return body

    # -- tokens

    def _peek(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else END

    def _next(self) -> Token:
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
