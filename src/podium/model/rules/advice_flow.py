"""Advice about the way through a definition: steps nobody gets to, cases that never match, endless joins and loops."""

import re
from collections.abc import Iterable, Iterator

from podium.model.rules.advice_finding import Finding, at_key, did_you_mean
from podium.model.rules.advice_outline import AFTER, BEFORE, Block, Located, Outline, relation
from podium.model.workflow_def import WorkflowTask

_JAVASCRIPT = ("javascript", "graaljs")
_EVALUATORS = (*_JAVASCRIPT, "python", "value-param")
_PARAMETER = re.compile(r"\$\.([A-Za-z_]\w*)|\$\[['\"]([^'\"]+)['\"]\]")
_CONDITIONAL = ("SWITCH", "DECISION")


def flow_advice(outline: Outline) -> Iterator[Finding]:
    """Iterate over what is odd about the order of the steps."""
    for block in outline.blocks:
        yield from _after_end(block)
    for one in outline.steps:
        rule = _RULES.get(one.step.type)
        if rule is not None:
            yield from rule(one, outline)


# ---- ends


def _after_end(block: Block) -> Iterator[Finding]:
    for index, step in enumerate(block.steps):
        if ends(step):
            behind = index + (2 if step.type == "FORK_JOIN" else 1)  # the join of a fork must be there
            if behind < len(block.steps):
                path, ref = f"{block.path}[{behind}]", step.taskReferenceName
                yield Finding("warning", path, f"no run gets here: {ref} always ends the workflow", _move(step))
            return


def _move(step: WorkflowTask) -> str:
    return (
        "remove what follows, or put the TERMINATE into a case of a SWITCH"
        if step.type == "TERMINATE"
        else ("give one of the cases a way on")
    )


def ends(step: WorkflowTask, depth: int = 0) -> bool:
    """Whether the workflow is over, whatever happens in *step*; steps deeper than fifty levels are not looked at."""
    if step.type == "TERMINATE":
        return True
    branches = step.branches()
    if depth > 50 or not branches:
        return False
    over = (any(ends(inner, depth + 1) for inner in branch) for branch in branches)
    return all(over) if step.type in _CONDITIONAL else any(over)


# ---- choices


def _switch(one: Located, _: Outline) -> Iterator[Finding]:
    step, path = one.step, one.path
    evaluator, expression, given = step.evaluatorType or "", step.expression or "", step.inputParameters
    if evaluator and evaluator not in _EVALUATORS:
        hint = did_you_mean(evaluator, _EVALUATORS) or f"use one of {', '.join(_EVALUATORS)}"
        yield Finding(
            "warning", f"{path}.evaluatorType", f"there is no evaluator {evaluator}: the workflow fails", hint
        )
    elif evaluator == "value-param" and expression and expression not in given:
        yield Finding("warning", f"{path}.expression", *_no_parameter(expression, given))
    elif evaluator == "value-param" and expression:
        yield from _cases(one, given[expression])
    elif evaluator in _JAVASCRIPT:
        yield from _script(expression, f"{path}.expression", given)


def _no_parameter(expression: str, given: Iterable[str]) -> tuple[str, str]:
    names = list(given)
    hint = did_you_mean(expression, names) or f"name one of {', '.join(names[:10]) or 'them: there are none yet'}"
    message = (
        f"value-param takes the name of an input parameter, and {expression[:80]} is none: only the default case runs"
    )
    return message, hint


def _decision(one: Located, _: Outline) -> Iterator[Finding]:
    step, given = one.step, one.step.inputParameters
    if step.caseExpression:
        yield from _script(step.caseExpression, f"{one.path}.caseExpression", given)
    elif step.caseValueParam and step.caseValueParam not in given:
        yield Finding("warning", f"{one.path}.caseValueParam", *_no_parameter(step.caseValueParam, given))
    elif step.caseValueParam:
        yield from _cases(one, given[step.caseValueParam])


def _cases(one: Located, value: object) -> Iterator[Finding]:
    """Tell of cases that a constant never chooses."""
    if not isinstance(value, str | int | bool) or (isinstance(value, str) and "${" in value):
        return
    text = str(value).lower() if isinstance(value, bool) else str(value)
    for case in one.step.decisionCases:
        if case != text:
            path = at_key(f"{one.path}.decisionCases", case)
            message = f"the case {case} never matches: the value is always {text}"
            yield Finding("warning", path, message, "take the value from an expression, like ${workflow.input.NAME}")


# ---- scripts


def _inline(one: Located, _: Outline) -> Iterator[Finding]:
    given = one.step.inputParameters
    expression = given.get("expression")
    if isinstance(expression, str) and given.get("evaluatorType", "javascript") in _JAVASCRIPT:
        yield from _script(expression, f"{one.path}.inputParameters.expression", given)


def _script(source: str, path: str, names: Iterable[str]) -> Iterator[Finding]:
    """Tell of `$.name` where no parameter has that name."""
    known = set(names)
    for name in dict.fromkeys(dotted or quoted for dotted, quoted in _PARAMETER.findall(source)):
        if name not in known:
            hint = did_you_mean(name, known, "$.") or f"add {name} to inputParameters"
            yield Finding("warning", path, f"the script reads $.{name}, which is no parameter of this step", hint)


# ---- loops


def _loop(one: Located, outline: Outline) -> Iterator[Finding]:
    step = one.step
    condition = (step.loopCondition or "").strip()
    is_over_items = step.items is not None or "_items" in step.inputParameters
    path = f"{one.path}.loopCondition"
    if not condition:
        return
    names = {name for pair in _PARAMETER.findall(condition) for name in pair if name}
    if "$" not in condition and not is_over_items:
        hint = f"compare something that changes, like $.{one.ref}['iteration'] < 10"
        yield Finding(
            "warning", path, "the condition reads nothing that changes: the loop runs once, or without end", hint
        )
    elif names and "Math.random" not in condition:
        yield from _loop_names(one, outline, names, path)


def _loop_names(one: Located, outline: Outline, names: set[str], path: str) -> Iterator[Finding]:
    inside = {other.ref for other in outline.steps if other.path.startswith(f"{one.path}.loopOver")}
    known = {one.ref, *one.step.inputParameters, *inside}
    if one.step.items is not None or "_items" in one.step.inputParameters:
        known |= {"loopIndex", "loopItem"}
    unknown = sorted(names - known)
    for name in unknown:
        hint = (
            did_you_mean(name, known, "$.") or f"the loop, its parameters and the steps inside can be read, not {name}"
        )
        yield Finding(
            "warning", path, f"the condition reads $.{name}, which is neither a parameter nor a step inside", hint
        )
    if not unknown and names <= set(one.step.inputParameters) and _are_constant(one.step, names):
        hint = f"compare something that changes, like $.{one.ref}['iteration']"
        yield Finding("warning", path, "the condition reads constants only: the loop runs once, or without end", hint)


def _are_constant(step: WorkflowTask, names: set[str]) -> bool:
    values = [step.inputParameters[name] for name in names]
    return all(isinstance(value, str | int | float | bool) and "${" not in str(value) for value in values)


# ---- forks and joins


def _fork(one: Located, _: Outline) -> Iterator[Finding]:
    following = one.block.steps[one.number + 1 : one.number + 2]
    if not following or following[0].type != "JOIN":
        hint = "put a JOIN right behind it"
        yield Finding("warning", one.path, "no JOIN follows this fork: the workflow fails when it gets here", hint)


def _join(one: Located, outline: Outline) -> Iterator[Finding]:
    before = one.before()
    kind = before.step.type if before is not None else None
    fork = before if kind == "FORK_JOIN" else None
    for number, ref in enumerate(one.step.joinOn):
        path = f"{one.path}.joinOn[{number}]"
        source = outline.by_ref.get(ref)
        if source is not None:
            yield from _awaited(one, source, fork, path)
        elif not outline.is_dynamic:
            hint = did_you_mean(ref, _joinable(fork, outline))
            yield Finding("warning", path, f"no step has the reference name {ref}: the join never finishes", hint)
    if fork is not None and one.step.type == "JOIN":
        yield from _left_alone(one, fork)


def _left_alone(join: Located, fork: Located) -> Iterator[Finding]:
    """Tell of branches that go on behind their join."""
    path, awaited = f"{join.path}.joinOn", set(join.step.joinOn)
    if not awaited:
        hint = f"wait for the last step of each: {_last_steps(fork)}"
        yield Finding("warning", path, "joinOn is empty: nobody waits for the branches", hint)
        return
    for number, branch in enumerate(fork.step.forkTasks):
        if branch and awaited.isdisjoint(step.taskReferenceName for step in branch):
            message = f"nobody waits for the branch {number} of {fork.ref}"
            yield Finding("info", path, message, f"its last step is {branch[-1].taskReferenceName}")


def _awaited(one: Located, source: Located, fork: Located | None, path: str) -> Iterator[Finding]:
    ref, chain = source.ref, source.chain()
    if fork is None and (where := relation(one, source)) != BEFORE:
        when = "runs later" if where == AFTER else f"is {where}"
        yield Finding("warning", path, f"{ref} {when}: the join never finishes", "join steps that run before")
    elif fork is not None and fork.path not in [around.path for around in chain[:-1]]:
        message = f"{ref} is not in the fork {fork.ref} before this join"
        never = ": the join never finishes" if relation(one, source) == AFTER else ""
        yield Finding("warning", path, message + never, _ends_of(fork))
    elif one.step.type == "JOIN" and (choice := _choice(one, chain)) is not None:
        message = f"{ref} runs only in one case of {choice.ref}: in any other the join never finishes"
        yield Finding("warning", path, message, f"wait for {choice.ref}, or for a step behind it")


def _choice(one: Located, chain: list[Located]) -> Located | None:
    """Return the outermost choice around the last step of *chain* that is not around *one* as well."""
    own = {around.path for around in one.chain()}
    return next((around for around in chain[:-1] if around.step.type in _CONDITIONAL and around.path not in own), None)


def _joinable(fork: Located | None, outline: Outline) -> list[str]:
    if fork is None:
        return list(outline.by_ref)
    return [step.taskReferenceName for branch in fork.step.forkTasks for step in branch]


def _ends_of(fork: Located) -> str:
    return f"the last steps of its branches are {_last_steps(fork)}"


def _last_steps(fork: Located) -> str:
    return ", ".join([branch[-1].taskReferenceName for branch in fork.step.forkTasks if branch][:20])


_RULES = {
    "SWITCH": _switch,
    "DECISION": _decision,
    "INLINE": _inline,
    "DO_WHILE": _loop,
    "FORK_JOIN": _fork,
    "FORK_JOIN_DYNAMIC": _fork,
    "JOIN": _join,
    "EXCLUSIVE_JOIN": _join,
}
