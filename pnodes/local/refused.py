"""What keeps a run from taking place, or ends it, in one sentence for the person."""

from __future__ import annotations


class CannotRun(Exception):
    """A sentence that says what is the matter and what to do; `exit_code` is what the command ends with."""

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
