"""The task types of the server, one module each, and the registry of them.

A package that brings further types names them under the entry point group `podium.task_types`; each must be a
`TaskType`.
"""

from podium.engine.task_type import Registry, TaskType
from podium.tasks.do_while import DoWhile
from podium.tasks.dynamic import Dynamic
from podium.tasks.event import Event
from podium.tasks.fork_join import ForkJoin
from podium.tasks.fork_join_dynamic import ForkJoinDynamic
from podium.tasks.http import Http
from podium.tasks.human import Human
from podium.tasks.inline import Inline, Lambda
from podium.tasks.join import ExclusiveJoin, Join
from podium.tasks.json_jq import JsonJq
from podium.tasks.noop import Noop
from podium.tasks.pull_workflow_messages import PullWorkflowMessages
from podium.tasks.set_variable import SetVariable
from podium.tasks.simple import Simple, UserDefined
from podium.tasks.start_workflow import StartWorkflow
from podium.tasks.sub_workflow import SubWorkflow
from podium.tasks.switch import Decision, Switch
from podium.tasks.terminate import Terminate
from podium.tasks.wait import Wait


def built_in() -> list[TaskType]:
    """Return the task types that podium brings along."""
    return [
        Simple(), Switch(), Decision(), Dynamic(), ForkJoin(), ForkJoinDynamic(), Join(), ExclusiveJoin(), DoWhile(),
        SubWorkflow(), StartWorkflow(), Terminate(), SetVariable(), Wait(), Human(), Event(), Http(), Inline(),
        Lambda(), JsonJq(), Noop(), PullWorkflowMessages(),
    ]  # fmt: skip


def registry(further: list[TaskType] | None = None) -> Registry:
    """Return the registry of the built-in types and *further* ones, which win over built-in ones of the same name."""
    return Registry([*built_in(), *(further or [])], UserDefined())
