"""FORK_JOIN_DYNAMIC: branches that are known only at run time, gathered by the JOIN that follows.

Three forms: one task for each element of `forkTaskInputs`; a list of tasks with a map of inputs; and the old list of
`dynamicTasks`. Each branch is one step that exists in this workflow only, therefore its definition is kept with its task.
"""

from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from podium.engine.graph import Step, ad_hoc_task_def
from podium.engine.session import Place, Plan, Session, WorkflowEnds, encode
from podium.expressions.java_text import java_text
from podium.model.errors import InvalidRequest
from podium.model.status import COMPLETED, FAILED, IN_PROGRESS
from podium.model.wire import convert, encode_json
from podium.model.workflow_def import WorkflowTask
from podium.tasks.fork_join import following_join
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
        join = following_join(step, plan, NO_JOIN)
        values = session.resolve(step, 0)
        members = branches(session, step, values)
        if len(members) > session.context.limits.fork_width:
            raise WorkflowEnds(
                FAILED, f"The dynamic fork {step.ref} has more than {session.context.limits.fork_width} tasks"
            )
        known = {member.taskReferenceName: _bound(session, member) for member in members}
        taken = next((ref for ref in known if ref + place.suffix in session.workflow.latest), None)
        if taken is not None:
            raise WorkflowEnds(
                FAILED,
                f"No dynamic tasks could be created for the Workflow: {session.head.id}, Dynamic Fork Task: {step.ref} "
                f"attempted to create a duplicate task reference name: {taken}",
            )
        bodies = {ref: encode_json(member) for ref, member in known.items()}
        given = {
            **values,
            "forkedTasks": list(known),
            "forkedTaskDefs": [Raw(body) for body in bodies.values()],
        }
        plan.new(step, place, type="FORK", name="FORK", status=COMPLETED, runs="engine", input=encode(given))
        for ref, member in known.items():
            _add_member(plan, member, place, bodies[ref])
        raw = {**(join.definition.inputParameters or {}), "joinOn": list(known)}
        plan.new(join, place, name="JOIN", status=IN_PROGRESS, runs="engine", input=encode(raw))


def _add_member(plan: Plan, member: WorkflowTask, place: Place, body: bytes) -> None:
    """Add a branch; its tasks remember their definition. Containers have no successors inside a dynamic branch."""
    before = len(plan.tasks)
    step = Step(member, None, place.loop, json=body)
    plan.session.workflow.values[(step.ref, "step")] = step  # what step_of would compile again
    plan.add(step, place)
    for task in plan.tasks[before:]:
        task.dynamic_step = body


def _bound(session: Session, member: WorkflowTask) -> WorkflowTask:
    found = member.taskDefinition or session.context.task_def(member.name) or ad_hoc_task_def(member)
    return replace(member, taskDefinition=found)


def branches(session: Session, step: Step, values: dict[str, Any]) -> list[WorkflowTask]:
    """Return the branches of a dynamic fork, by the first form whose parameters are there."""
    definition = step.definition
    if isinstance(values.get("forkTaskInputs"), list):
        return _same_task(session, step, values)
    if definition.dynamicForkTasksParam:
        return _task_list(session, definition, values)
    if definition.dynamicForkJoinTasksParam:
        return _legacy(definition, values)
    raise WorkflowEnds(FAILED, _no_tasks(values))


def _no_tasks(values: dict[str, Any]) -> str:
    return (
        f"Dynamic tasks could not be created. The value of null from task's input {java_text(values)} "
        "has no dynamic tasks to be scheduled"
    )


# ---- one task for each element


def _same_task(session: Session, step: Step, values: dict[str, Any]) -> list[WorkflowTask]:
    kind = str(values.get("forkTaskType") or "SIMPLE")
    workflow = values.get("forkTaskWorkflow")
    is_system = session.type_of(kind).name == kind and kind != "SIMPLE"
    name = str(values.get("forkTaskName") or (kind if is_system else step.ref))
    prefix = f"_{step.ref}_{name}" if _has_dynamic_tasks(session) else f"_{name}"
    made = []
    for index, element in enumerate(values["forkTaskInputs"]):
        given = {**element} if isinstance(element, dict) else {"input": element}
        given["__index"] = index
        fields = {key: given[key] for key in _BRANCH_KEYS if key in given}
        fields.update(name=name, taskReferenceName=f"{prefix}_{index}", type=kind, inputParameters=given)
        if workflow:
            fields.update(_sub_workflow(str(workflow), values.get("forkTaskWorkflowVersion"), element))
        if step.optional:
            fields["optional"] = True
        made.append(_branch(fields))
    return made


def _has_dynamic_tasks(session: Session) -> bool:
    return any(task.dynamic_step is not None for task in session.workflow.latest.values())


def _sub_workflow(name: str, version: Any, element: Any) -> dict[str, Any]:
    param: dict[str, Any] = {"name": name}
    if str(version or "").isdecimal() and int(version):
        param["version"] = int(version)
    if isinstance(element, dict) and isinstance(element.get("taskToDomain"), dict):
        param["taskToDomain"] = element["taskToDomain"]
    return {"type": "SUB_WORKFLOW", "subWorkflowParam": param}


def _branch(fields: dict[str, Any]) -> WorkflowTask:
    return convert(WorkflowTask, fields)


# ---- a list of tasks with a map of inputs


def _task_list(session: Session, definition: WorkflowTask, values: dict[str, Any]) -> list[WorkflowTask]:
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
    if inputs is not None and not isinstance(inputs, dict):
        raise WorkflowEnds(
            FAILED,
            f"Input to the dynamically forked tasks is not a map -> expecting a map of K,V  but found {java_text(inputs)}",
        )
    return [_with_input(member, (inputs or {}).get(member.taskReferenceName)) for member in members]


def _with_input(member: WorkflowTask, given: Any) -> WorkflowTask:
    if not isinstance(given, dict):
        return member
    return replace(member, inputParameters={**member.inputParameters, **given})


# ---- the old form


def _legacy(definition: WorkflowTask, values: dict[str, Any]) -> list[WorkflowTask]:
    given = values.get(definition.dynamicForkJoinTasksParam or "")
    listed = given.get("dynamicTasks") if isinstance(given, dict) else None
    if not isinstance(listed, list):
        raise WorkflowEnds(FAILED, _no_tasks(values))
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
