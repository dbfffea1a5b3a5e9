"""What ends a command early: a message, what to do about it, and the exit code."""

FAILED = 1
USAGE = 2
UNREACHABLE = 3


class Failure(Exception):
    """The command can't be done; *hint* says what the user may do."""

    def __init__(self, message: str, hint: str | None = None, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
