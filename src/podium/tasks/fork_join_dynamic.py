"""FORK_JOIN_DYNAMIC: branches that are known only at run time, gathered by the JOIN that follows.

Three forms: one task for each element of `forkTaskInputs`; a list of tasks with a map of inputs; and the old list of
`dynamicTasks`. Each branch is one step, which may hold others (SWITCH, DO_WHILE). It exists in this workflow only,
therefore its definition is kept with its tasks.
"""

from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from podium.engine.graph import SWITCHES, Step, bind_step, compile_branch, keep_branch, run_time_task_def
from podium.engine.session import Place, Plan, Session, WorkflowEnds, encode
from podium.expressions.java_text import java_text
from podium.model.errors import InvalidRequest
from podium.model.status import COMPLETED, FAILED, IN_PROGRESS
from podium.model.task import Task
from podium.model.wire import convert, encode_json
from podium.model.workflow_def import WorkflowTask
from podium.tasks.fork_join import following_join, is_skipped
from podium.tasks.kind import Kind

NO_JOIN = "Dynamic join definition is not followed by a join task.  Check the workflow definition."
_BRANCH_KEYS = ("optional", "retryCount", "startDelay", "permissive", "asyncComplete")


class ForkJoinDynamic(Kind):
    """The fork is over as soon as its branches have begun."""

    name = "FORK_JOIN_DYNAMIC"
    is_retried = False

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add the fork, its members, and the join that waits for them."""
        session = plan.session
        join = following_join(step, NO_JOIN)
        values = session.resolve(step, 0)
        members = branches(plan, step, values)
        width_max = session.context.limits.fork_width
        if len(members) > width_max:
            raise WorkflowEnds(FAILED, f"The dynamic fork {step.ref} has more than {width_max} tasks")
        roots = _compiled_all(session, step, members)
        _refuse_taken(plan, step, place, roots)
        given = {
            **values,
            "forkedTasks": [root.ref for root in roots],
            "forkedTaskDefs": [Raw(root.json) for root in roots],
        }
        plan.new(step, place, type="FORK", name="FORK", status=COMPLETED, runs="engine", input=encode(given))
        last_refs = [_add_branch(root, place, plan) for root in roots]
        if is_skipped(join, place, plan):
            return
        raw = {**(join.definition.inputParameters or {}), "joinOn": last_refs}
        plan.new(join, place, name="JOIN", status=IN_PROGRESS, runs="engine", input=encode(raw))


def _compiled_all(session: Session, fork: Step, members: list[WorkflowTask]) -> list[Step]:
    """Return the compiled branches, of each reference name the last; they become part of the fork's input."""
    roots, size, limit = [], 0, session.context.limits.task_payload_bytes
    for member in {one.taskReferenceName: one for one in members}.values():
        roots.append(_compiled(session, member))
        size += len(roots[-1].json)
        if size > limit:
            reason = f"The definitions of the tasks of the dynamic fork {fork.ref} take more than {limit} bytes"
            raise WorkflowEnds(FAILED, reason)
    return roots


def _compiled(session: Session, member: WorkflowTask) -> Step:
    bound = bind_step(member, lambda inner: session.context.task_def(inner.name) or run_time_task_def(inner))
    source = encode_json(bound)
    root = compile_branch(bound, source)
    keep_branch(session.workflow, source, root.steps)
    return root


def _refuse_taken(plan: Plan, fork: Step, place: Place, roots: list[Step]) -> None:
    """End the workflow when a name of a branch is not its own: tasks are told apart by their reference names."""
    session = plan.session
    latest, taken = session.workflow.latest, {*session.graph.steps, *fork.steps, *(task.step for task in plan.tasks)}
    for root in roots:
        for ref in root.steps:
            if ref in taken or ref + place.suffix in latest:
                raise WorkflowEnds(
                    FAILED,
                    f"No dynamic tasks could be created for the Workflow: {_short(session)}, Dynamic Fork Task: "
                    f"{root.name}/{root.ref} attempted to create a duplicate task reference name: {ref}",
                )
            taken.add(ref)


def _short(session: Session) -> str:
    head = session.head
    return f"{head.name}.{head.def_version}/{head.id}"


def _add_branch(root: Step, place: Place, plan: Plan) -> str:
    """Add the first tasks of a branch; returns the reference name that the join waits for.

    For a switch that is the last step of the case that it takes, as far as that is known now.
    """
    before = len(plan.tasks)
    plan.add(root, place)
    last = root
    if root.type in SWITCHES and len(plan.tasks) > before + 1:
        last = root.steps[plan.tasks[before + 1].step]
    while last.next is not None:
        last = root.steps[last.next]
    return last.ref


def branches(plan: Plan, step: Step, values: dict[str, Any]) -> list[WorkflowTask]:
    """Return the branches of a dynamic fork, by the first form whose parameters are there."""
    definition = step.definition
    if isinstance(values.get("forkTaskInputs"), list):
        return _same_task(plan, step, values)
    if definition.dynamicForkTasksParam:
        return _task_list(definition, values)
    if definition.dynamicForkJoinTasksParam:
        return _legacy(definition, values)
    raise WorkflowEnds(FAILED, _no_tasks(None, values))


def _no_tasks(param: str | None, values: dict[str, Any]) -> str:
    return (
        f"Dynamic tasks could not be created. The value of {param or 'null'} from task's input {java_text(values)} "
        "has no dynamic tasks to be scheduled"
    )


# ---- one task for each element


def _same_task(plan: Plan, step: Step, values: dict[str, Any]) -> list[WorkflowTask]:
    kind = str(values.get("forkTaskType") or "SIMPLE")
    workflow = str(values.get("forkTaskWorkflow") or "")
    is_system = plan.session.type_of(kind).name == kind and kind != "SIMPLE"
    name = str(values.get("forkTaskName") or (kind if is_system else step.ref))
    version = _child_version(plan, workflow, str(values.get("forkTaskWorkflowVersion") or ""))
    prefix = f"_{name}"
    if _has_dynamic_tasks(plan.session) or any(task.step.startswith(f"{prefix}_") for task in plan.tasks):
        prefix = f"_{step.ref}{prefix}"
    made = []
    for index, element in enumerate(values["forkTaskInputs"]):
        given = {**element} if isinstance(element, dict) else {"input": element}
        given["__index"] = index
        fields = {key: given[key] for key in _BRANCH_KEYS if key in given}
        fields.update(name=workflow or name, taskReferenceName=f"{prefix}_{index}", type=kind, inputParameters=given)
        if workflow:
            fields.update(_sub_workflow(workflow, version, element))
        if step.optional:
            fields["optional"] = True
        made.append(_branch(fields))
    return made


def _has_dynamic_tasks(session: Session) -> bool:
    known = session.workflow.latest.values()
    return any(task.dynamic_step is not None or _is_dynamic_fork(task) for task in known)


def _is_dynamic_fork(task: Task) -> bool:
    return task.type == "FORK" and b'"forkedTasks"' in task.input


def _child_version(plan: Plan, name: str, wanted: str) -> int | None:
    """Return the version of the child that each element starts, None when there is no such child."""
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    latest = plan.session.context.graph(name, None) if name else None
    return latest.version if latest else None


def _sub_workflow(name: str, version: int | None, element: Any) -> dict[str, Any]:
    param: dict[str, Any] = {"name": name}
    if version is not None:
        param["version"] = version
    if isinstance(element, dict) and isinstance(element.get("taskToDomain"), dict):
        param["taskToDomain"] = element["taskToDomain"]
    return {"type": "SUB_WORKFLOW", "subWorkflowParam": param}


def _branch(fields: dict[str, Any]) -> WorkflowTask:
    return convert(WorkflowTask, fields)


# ---- a list of tasks with a map of inputs


def _task_list(definition: WorkflowTask, values: dict[str, Any]) -> list[WorkflowTask]:
    param = definition.dynamicForkTasksParam or ""
    listed = values.get(param)
    try:
        members = [_branch(one) for one in listed] if isinstance(listed, list) else None
    except InvalidRequest:
        members = None
    if members is None or not all(member.taskReferenceName for member in members):
        raise WorkflowEnds(
            FAILED,
            f"Input '{param}' is invalid. Cannot deserialize a list of Workflow Tasks from '{java_text(listed)}'",
        )
    inputs = values.get(definition.dynamicForkTasksInputParamName or "")
    if not isinstance(inputs, dict):
        raise WorkflowEnds(
            FAILED,
            "Input to the dynamically forked tasks is not a map -> expecting a map of K,V  but found "
            f"{java_text(inputs)}",
        )
    return [_with_input(member, inputs.get(member.taskReferenceName)) for member in members]


def _with_input(member: WorkflowTask, given: Any) -> WorkflowTask:
    if not isinstance(given, dict):
        return member
    return replace(member, inputParameters={**member.inputParameters, **given})


# ---- the old form


def _legacy(definition: WorkflowTask, values: dict[str, Any]) -> list[WorkflowTask]:
    given = values.get(definition.dynamicForkJoinTasksParam or "")
    listed = given.get("dynamicTasks") if isinstance(given, dict) else None
    if not isinstance(listed, list):
        raise WorkflowEnds(FAILED, _no_tasks(definition.dynamicForkJoinTasksParam, values))
    members = []
    for one in listed:
        if not isinstance(one, dict) or not one.get("taskName") or not one.get("referenceName"):
            raise WorkflowEnds(
                FAILED, f"Dynamic task is invalid, it needs taskName and referenceName: {java_text(one)}"
            )
        members.append(
            _branch(
                {
                    "name": one["taskName"],
                    "taskReferenceName": one["referenceName"],
                    "type": one.get("type") or "SIMPLE",
                    "inputParameters": one.get("input") or {},
                }
            )
        )
    return members
