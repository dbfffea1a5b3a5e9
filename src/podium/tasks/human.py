"""HUMAN: wait for a person's decision, which comes as a task update."""

from podium.tasks.kind import Kind


class Human(Kind):
    """Stays open until it is updated; timeouts of its definition apply."""

    name = "HUMAN"
