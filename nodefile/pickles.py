"""Reads what a pickle says about its origin without loading it: its Python version, its modules, its words.

Loading a pickle runs its code, so this module only goes through its instructions (`pickletools`). cloudpickle stores a
function as the arguments of Python's code type, and the bytecode among them differs between Python versions: in the
numbers of its operations and in the cache entries after them. Python 3.10 cannot be told from older versions.
"""

from __future__ import annotations

import pickletools
import re
import sys
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
"""The versions of Python that Numerai runs pickles with."""
NEWER = "3.14 or newer"
_POINTER = b"version https://git-lfs"
# The operation that begins a function, and those that may precede it (for closures and generators).
_BEGINNINGS: Mapping[str, tuple[int, Collection[int]]] = {
    "3.11": (151, {135, 149, 75, 1}),
    "3.12": (151, {135, 149, 75, 1}),
    "3.13": (149, {94, 62, 35, 32}),
    NEWER: (128, range(128)),
}
# Operation -> its cache entries in 3.11 and 3.12, which otherwise number operations alike.
_CACHES = {25: (4, 1), 106: (4, 9), 107: (2, 1), 116: (5, 4), 171: (4, 3)}
_INTEGERS = frozenset({"BININT", "BININT1", "BININT2"})
_BYTES = frozenset({"SHORT_BINBYTES", "BINBYTES", "BINBYTES8"})
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_SILENT = frozenset({"PROTO", "FRAME"})
# The code type's arguments before the bytecode: numbers of arguments, variables and stack entries, and flags.
_NUMBERS = 6
_WORD = re.compile(r"[A-Za-z_][\w.]{0,99}")


class NotAPickle(ValueError):
    """The file is not a pickle that can be read; the message gives the reason."""


@dataclass(frozen=True)
class Origin:
    """What a pickle says about its origin."""

    pythons: tuple[str, ...]
    """The Python versions that may have created it. All of them if it contains no function of its own."""
    modules: frozenset[str]
    """The top-level modules from which loading it imports something."""
    words: frozenset[str]
    """Its short strings. The modules that its functions import later are among them."""
    versions: Mapping[str, str]
    """The packages whose versions it names."""

    @property
    def python(self) -> str | None:
        """The Python version that created it, if there is only one candidate."""
        return self.pythons[0] if len(self.pythons) == 1 else None

    @property
    def packages(self) -> list[str]:
        """The modules that are not part of Python."""
        return sorted(self.modules - sys.stdlib_module_names)

    def __str__(self) -> str:
        python = f"Python {' or '.join(self.pythons)}" if self.pythons != PYTHONS else "a Python that it does not name"
        names = [f"{name} {self.versions.get(name, '')}".strip() for name in self.packages if name != "cloudpickle"]
        return f"created with {python}; it uses {', '.join(names) or 'no packages'}"


def read_origin(path: Path) -> Origin:
    """Go through a whole pickle. Raises NotAPickle and OSError."""
    reading = _Reading()
    for _ in reading.follow(path):
        pass
    return reading.finish()


def find_python(path: Path) -> tuple[str, ...]:
    """Return the Python versions that may have created a pickle; stops reading once there is only one.

    Raises NotAPickle and OSError.
    """
    reading = _Reading()
    for _ in reading.follow(path):
        if len(reading.pythons) == 1:
            break
    return reading.finish().pythons


class _Reading:
    """The state after some of a pickle's instructions."""

    def __init__(self) -> None:
        self.pythons: tuple[str, ...] = ()
        self._pushed: deque[Any] = deque([None] * _NUMBERS, _NUMBERS)
        self._memo: dict[int, str] = {}
        self._memoized = 0
        self._modules: set[str] = set()
        self._words: set[str] = set()
        self._versions: dict[str, str] = {}

    def follow(self, path: Path) -> Iterator[None]:
        """Go through the instructions, and yield after each."""
        with path.open("rb") as file:
            start = file.read(len(_POINTER))
            if start == _POINTER:
                raise NotAPickle("it is a pointer of Git LFS; run `git lfs pull` to get the file itself")
            if not start.startswith(b"\x80"):
                raise NotAPickle("it is not a pickle, or is compressed")
            file.seek(0)
            try:
                for operation, argument, _ in pickletools.genops(file):
                    self._apply(operation.name, argument)
                    yield
            except (ValueError, MemoryError) as error:  # MemoryError: a nonsensical length
                detail = f" ({error})" if str(error) else ""
                raise NotAPickle(f"it is damaged or incomplete{detail}") from None

    def finish(self) -> Origin:
        """Return what the instructions so far say."""
        return Origin(self.pythons or PYTHONS, frozenset(self._modules), frozenset(self._words), self._versions)

    def _apply(self, name: str, argument: Any) -> None:
        if name in _PUTS or name == "MEMOIZE":
            place = self._memoized if name == "MEMOIZE" else int(argument)
            self._memoized += 1
            if isinstance(self._pushed[-1], str):
                self._memo[place] = self._pushed[-1]
            return
        if name in _SILENT:
            return
        if name == "GLOBAL":
            self._import(str(argument).split(" ")[0])
        elif name == "STACK_GLOBAL":
            self._import(str(self._pushed[-2]))
        elif name in _BYTES and all(isinstance(number, int) for number in self._pushed):
            self._narrow(bytes(argument))
        is_text = "UNICODE" in name
        if is_text and _WORD.fullmatch(argument):
            self._words.add(argument)
        value = self._memo.get(int(argument)) if name in _GETS else argument
        if self._pushed[-1] == "_sklearn_version" and isinstance(value, str):
            self._versions["sklearn"] = value
        self._pushed.append(value if name in _GETS or is_text or name in _INTEGERS else None)

    def _import(self, module: str) -> None:
        self._modules.add(module.split(".")[0])
        if module.startswith(("numpy._core", "numpy.core")):
            self._versions["numpy"] = "2" if module.startswith("numpy._core") else "1"

    def _narrow(self, code: bytes) -> None:
        possible = _find_versions(code)
        both = tuple(version for version in self.pythons or possible if version in possible)
        self.pythons = both or self.pythons


def _find_versions(code: bytes) -> tuple[str, ...]:
    """Return the Python versions that may have compiled a function to this bytecode."""
    operations = code[::2]
    matching = [version for version, beginning in _BEGINNINGS.items() if _begins(operations, *beginning)]
    if "3.11" in matching:
        place = next((place for place, operation in enumerate(operations) if operation in _CACHES), None)
        if place is not None:
            rest = operations[place + 1 :]
            entries = len(rest) - len(rest.lstrip(b"\0"))
            counts = zip(("3.11", "3.12"), _CACHES[operations[place]], strict=True)
            matching = [version for version, count in counts if count == entries] or matching
    return tuple(matching) or ("3.10",)


def _begins(operations: bytes, first: int, before: Collection[int]) -> bool:
    for operation in operations:
        if operation == first:
            return True
        if operation not in before:
            return False
    return False
