"""The decider: from a workflow and a command to a transition; pure, without clock, chance or I/O.

`decide` and what its callers must know are in decide.py; read commands.py, decide.py and complete.py first.
"""
