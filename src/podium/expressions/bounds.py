"""Limits of everything that evaluates text of a definition.

No definition and no payload may make an evaluation loop, recurse or grow without end.
"""

from podium.model.errors import TooLarge

TOKEN_DEPTH_MAX = 32  # tokens inside tokens
TEMPLATE_DEPTH_MAX = 128  # maps and lists inside each other in a definition
DATA_DEPTH_MAX = 400  # maps and lists inside each other in a payload that is rewritten
EXPANSION_CHARS_MAX = 10_000_000  # what one resolve may produce
UNMEASURED_VALUES_MAX = 16  # values that a template may copy whole before their sizes are added up
PATH_CHARS_MAX = 4_000
PATH_DEPTH_MAX = 32  # brackets and literals inside each other in one path
PATH_STEPS_MAX = 1_000_000  # nodes that the paths of one resolve may visit
PATTERN_CHARS_MAX = 500
SCRIPT_CHARS_MAX = 10_000
SCRIPT_DEPTH_MAX = 100  # of the syntax tree
SCRIPT_STRING_CHARS_MAX = 100_000  # a concatenation that is longer goes to the real engine


class ExpressionTooLarge(TooLarge):
    """An expression nests too deeply, takes too many steps or produces too much."""
