"""Builders of steps for scenarios: those of `podium.testing.steps`, with names that no other scenario has."""

from typing import Any

from podium.testing.steps import do_while, fork, inline, step, switch

__all__ = ["child", "do_while", "dynamic_fork", "fork", "inline", "join", "simple", "step", "switch", "variable"]

Json = Any


def simple(ref: str, inputs: Json = None, **fields: Json) -> Json:
    """Return a task for the worker; its queue is `~` and its reference name."""
    return step(ref, "SIMPLE", inputs, **{"name": f"~{ref}", **fields})


def child(ref: str, name: str = "~child", inputs: Json = None, version: Json = 1, **fields: Json) -> Json:
    """Return a SUB_WORKFLOW."""
    wanted = {"name": name} if version is None else {"name": name, "version": version}
    param = wanted | fields.pop("param", {})
    return step(ref, "SUB_WORKFLOW", inputs, subWorkflowParam=param, **fields)


def join(ref: str, *names: str, **fields: Json) -> Json:
    return step(ref, "JOIN", joinOn=list(names), **fields)


def variable(ref: str, **values: Json) -> Json:
    return step(ref, "SET_VARIABLE", values)


def dynamic_fork(ref: str, inputs: Json, **fields: Json) -> list[Json]:
    """Return a FORK_JOIN_DYNAMIC and its join `<ref>_join`."""
    return [step(ref, "FORK_JOIN_DYNAMIC", inputs, **fields), step(f"{ref}_join", "JOIN")]
