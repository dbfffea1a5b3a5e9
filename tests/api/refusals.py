"""What the answer to a wrong call looks like."""

from typing import Any

UNKNOWN = "01a20595-5b97-8ea6-ac47-f87000000000"  # an id that no workflow has


def assert_error(answer: Any, status: int, message: str) -> None:
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert answer.json()["status"] == status
    assert answer.json()["retryable"] is False


def assert_violation(answer: Any, path: str, message: str) -> None:
    body = answer.json()
    assert answer.status_code == 400
    assert body["message"] == "Validation failed, check below errors for detail."
    assert "instance" not in body
    assert (path, message) in [(one["path"], one["message"]) for one in body["validationErrors"]]
