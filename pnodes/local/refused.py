"""The error of a run that cannot start or continue."""

from __future__ import annotations


class CannotRun(Exception):
    """A message for the user with the problem and the remedy; `exit_code` is the command's exit code."""

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
