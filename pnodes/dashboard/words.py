"""`pnodes.wording` for the page: units do not break apart from their numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ParamSpec

from pnodes import wording

_P = ParamSpec("_P")


def _unbroken(write: Callable[_P, str]) -> Callable[_P, str]:
    return lambda *args, **kwargs: re.sub(r"(?<=\d) ", "\N{NO-BREAK SPACE}", write(*args, **kwargs))


moment = _unbroken(wording.moment)
duration = _unbroken(wording.duration)
usd = _unbroken(lambda amount: f"{wording.usd(amount)} USD")
plural = _unbroken(wording.plural)
