"""DO_WHILE: a body that is repeated while a condition holds, or once for each element of a list.

The output of an open loop holds only its counters; what the iterations gave is kept with the workflow and put together
when the loop ends, so that iteration 20,000 costs what iteration 2 did. Loops inside loops get a suffix per level
(`ref__2__1`).
"""

import re
from typing import Any

from podium.engine.complete import reachable
from podium.engine.graph import Step
from podium.engine.scope import LoopOutput
from podium.engine.session import Place, Plan, Session, decode, encode
from podium.expressions.bounds import ExpressionTooLarge
from podium.expressions.java_text import java_text
from podium.expressions.javascript import truth
from podium.expressions.parameters import compile_template
from podium.model.status import COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS
from podium.model.task import Task
from podium.model.workflow import Loop
from podium.tasks.evaluation import EvaluationFailed, run_javascript
from podium.tasks.kind import Kind

COUNTERS = ("iteration", "loopIndex", "loopItem")


class DoWhile(Kind):
    """A loop."""

    name = "DO_WHILE"
    is_retried = False

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add the loop; it shows the window of a rate limit as upstream does."""
        plan.new(step, place, status=IN_PROGRESS, runs=self.runs, rate_window_s=1)

    def start(self, task: Task, session: Session) -> None:
        """Begin the first iteration; a list without elements ends the loop at once."""
        step = session.step_of(task)
        if step is None or task.loop_count:
            return
        items = list_items(session, step)
        if items is not None and not items:
            session.finish(task, COMPLETED, b'{"iteration":0}')
        elif not step.body:
            session.fail(task, f"The loop {step.ref} has no tasks", FAILED)
        else:
            self._iterate(task, step, session, items)

    def settle(self, task: Task, session: Session) -> None:
        """When the iteration is over: fail, go on, or end."""
        loop = session.workflow.loops.get(task.ref)
        step = session.step_of(task)
        if loop is None:
            self.start(task, session)
        elif step is not None:
            failed = self._failed(task, step, session)
            if failed is not None:
                _forget_later(task, session, loop, failed)
                session.fail(task, f"{java_text(failed.reason)} ", FAILED, loop_output(task, loop))
            elif not loop.open:
                self._end_iteration(task, step, session, loop)

    def _end_iteration(self, task: Task, step: Step, session: Session, loop: Loop) -> None:
        self._keep_last(task, session, loop)
        items = list_items(session, step)
        try:
            goes_on = self._goes_on(task, step, session, loop, items)
        except EvaluationFailed as failure:
            text = f"Unable to evaluate condition {step.definition.loopCondition}, exception {failure.reason}"
            session.fail(task, text, FAILED_WITH_TERMINAL_ERROR, loop_output(task, loop))
            return
        if goes_on:
            self._iterate(task, step, session, items)
        else:
            session.finish(task, COMPLETED, loop_output(task, loop))

    def reopen(self, task: Task, session: Session) -> None:
        """Go back to the counters of the present iteration."""
        step = session.step_of(task)
        try:
            items = list_items(session, step) if step is not None else None
        except ExpressionTooLarge:  # the loop will fail on it when it goes on
            items = None
        session.set_output(task, counters(task.loop_count, items) if task.loop_count else b"{}")

    def cancel(self, task: Task, session: Session) -> None:
        """Show what the iterations gave so far."""
        loop = session.workflow.loops.get(task.ref)
        if loop is not None:
            session.set_output(task, loop_output(task, loop))

    def next_input(self, task: Task, step: Step, session: Session) -> bytes:
        """Keep the input."""
        return task.input

    def _failed(self, task: Task, step: Step, session: Session) -> Task | None:
        """Return the first task of the present iteration that has failed for good: a permissive one."""
        suffix = f"{task.suffix}__{task.loop_count}"
        latest = session.workflow.latest
        body = (latest[ref + suffix] for ref in step.body if ref + suffix in latest)
        return min((one for one in body if one.is_bad and one.executed), key=lambda one: one.seq, default=None)

    def _goes_on(self, task: Task, step: Step, session: Session, loop: Loop, items: list[Any] | None) -> bool:
        if items is not None and task.loop_count >= len(items):
            return False
        if task.loop_count >= session.context.limits.loop_iterations:
            raise EvaluationFailed("the loop has reached its limit of iterations", timed_out=False)
        condition = step.definition.loopCondition
        if not condition or not condition.strip():
            return items is not None
        return truth(run_javascript(session, condition, self._condition_input(task, step, session, loop, condition)))

    def _condition_input(self, task: Task, step: Step, session: Session, loop: Loop, condition: str) -> dict[str, Any]:
        """Return what `$` is: parameters, the loop's output, and outputs of the body tasks that the condition names."""
        values = dict(session.resolve(step, task.seq))
        suffix = f"{task.suffix}__{task.loop_count}"
        for ref in step.body:
            one = session.workflow.latest.get(ref + suffix)
            if one is not None and ref in condition:
                values[ref] = session.value(one, "output")
        known = {**session.value(task, "output"), "iteration": task.loop_count}
        values[step.ref] = LoopOutput(known, loop).whole() if _asks_for_iterations(step, condition) else known
        values.update({key: known[key] for key in ("loopIndex", "loopItem") if key in known})
        return values

    def _iterate(self, task: Task, step: Step, session: Session, items: list[Any] | None) -> None:
        number = task.loop_count + 1
        first = reachable(session, step.steps[step.body[0]], f"{task.suffix}__{number}")
        if first is None:  # all of the body is skipped
            session.finish(task, COMPLETED)
            return
        plan = Plan(session)
        before = task.output
        session.set_output(task, counters(number, items))
        try:
            plan.add(first, Place(f"{task.suffix}__{number}", number, task.ref))
        except BaseException:
            session.set_output(task, before)  # a script is needed first: this is taken again
            raise
        task.loop_count = number
        session.touch(task)
        session.adopt(plan)

    def _keep_last(self, task: Task, session: Session, loop: Loop) -> None:
        """Delete the tasks and outputs of iterations that `keepLastN` does not want."""
        wanted = session.value(task, "input").get("keepLastN")
        if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
            return
        for number in [number for number in loop.tasks if number <= task.loop_count - wanted]:
            for seq, ref in loop.tasks.pop(number).items():
                session.delete(seq, ref, task)
            loop.outputs.pop(number, None)


def _forget_later(task: Task, session: Session, loop: Loop, failed: Task) -> None:
    """Leave what was begun after the failure out of the output, as upstream does."""
    suffix = f"{task.suffix}__{task.loop_count}"
    latest = session.workflow.latest
    outputs = loop.outputs.get(task.loop_count, {})
    for ref in [ref for ref in outputs if ref + suffix in latest and latest[ref + suffix].seq > failed.seq]:
        del outputs[ref]


def _asks_for_iterations(step: Step, condition: str) -> bool:
    """Whether *condition* may look at more of the loop's output than its counters."""
    pattern: re.Pattern[str] | None = step.memo.get("counters")
    if pattern is None:
        ref, names = re.escape(step.ref), "|".join(COUNTERS)
        of_loop = rf"""\$(?:\.{ref}|\[['"]{ref}['"]\])"""
        pattern = re.compile(rf"""{of_loop}(?:\.(?:{names})\b|\[['"](?:{names})['"]\])""")
        step.memo["counters"] = pattern
    return step.ref in pattern.sub("", condition)


def counters(number: int, items: list[Any] | None) -> bytes:
    """Return the output of an open loop in iteration *number*."""
    known: dict[str, Any] = {"iteration": number}
    if items is not None:
        known["loopIndex"] = number - 1
        known["loopItem"] = items[number - 1] if number <= len(items) else None
    return encode(known)


def loop_output(task: Task, loop: Loop) -> bytes:
    """Return the output of a loop with all its iterations, put together without parsing them."""
    parts = []
    for number in sorted(loop.outputs):
        body = b",".join(encode(ref) + b":" + output for ref, output in loop.outputs[number].items())
        parts.append(b'"%d":{%b}' % (number, body))
    known = decode(task.output)
    rest = encode({"iteration": task.loop_count} | {key: known[key] for key in COUNTERS if key in known})
    return b"{" + b",".join([*parts, rest[1:-1]]) + b"}"


def list_items(session: Session, step: Step) -> list[Any] | None:
    """Return the elements that the loop runs over, or None when it has no list."""
    source = step.definition.items
    if not source or not source.strip():
        source = (step.definition.inputParameters or {}).get("_items")
        if not source or (isinstance(source, str) and not source.strip()):
            return None
    if "items" not in step.memo:
        step.memo["items"] = compile_template(source)
    value = session.scope.resolve(step.memo["items"])
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
