"""What a dynamic resource raises when it has a sentence for the user: an image that does not build, a refused key.

Pulumi's host for dynamic resources answers the engine with `traceback.format_exc()`. Where the exception is a Refusal,
that is its sentence alone: a user's mistake shows no traceback, a bug of ours still does.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

_format_exc = traceback.format_exc


class Refusal(Exception):
    """A failure that is explained by its text: where, what was expected, what came, what to do."""


def _sentence_or_traceback(*arguments: Any, **named: Any) -> str:
    error = sys.exception()
    return str(error) if isinstance(error, Refusal) else _format_exc(*arguments, **named)


traceback.format_exc = _sentence_or_traceback
