"""Untrusted code of definitions, evaluated in jailed processes; this package never runs it in the server."""

from podium.scripting.pool import ScriptPool
from podium.scripting.script import ScriptLimits, ScriptRequest, ScriptResult

__all__ = ["ScriptLimits", "ScriptPool", "ScriptRequest", "ScriptResult"]
