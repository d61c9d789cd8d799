"""`pnodes.wording` for the page: a no-break space keeps each number and its unit on one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ParamSpec

from pnodes import wording

_P = ParamSpec("_P")


def _join_units(write: Callable[_P, str]) -> Callable[_P, str]:
    return lambda *args, **kwargs: re.sub(r"(?<=\d) ", "\N{NO-BREAK SPACE}", write(*args, **kwargs))


moment = _join_units(wording.moment)
duration = _join_units(wording.duration)
usd = _join_units(lambda amount: f"{wording.usd(amount)} USD")
nmr = _join_units(lambda amount: "-" if amount is None else f"{wording.nmr(amount)} NMR")
plural = _join_units(wording.plural)
