"""Tracks the values of variables through the stages of a Dockerfile, from its FROM, ARG and ENV instructions."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from providers.images.dockerfile import Dockerfile, Instruction, NotUnderstood, expand, pairs


class Stages:
    """The base image and the variables of the current stage. Call `follow` with each instruction in order.

    `arguments` are the build arguments; a value of None is not known yet. `unset` replaces unknown variables; if it is
    None, expanding one raises NotUnderstood.
    """

    def __init__(self, dockerfile: Dockerfile, arguments: Mapping[str, str | None], unset: str | None = None) -> None:
        self._escape, self._arguments, self._unset = dockerfile.escape, arguments, unset
        self.base = ""
        """The image that the stage starts from, or the name of an earlier stage."""
        self.name = ""
        """The stage's own name in lower case, if it has one."""
        self.env: dict[str, str | None] = {}
        """The variables set by ENV; None for unknown values."""
        self._global: dict[str, str | None] = {}
        self._args = self._global
        self._inherited: dict[str, dict[str, str | None]] = {}

    def follow(self, instruction: Instruction) -> None:
        """Apply a FROM, ARG or ENV; other instructions have no effect. Raises NotUnderstood."""
        if instruction.name == "FROM":
            self._begin(instruction.words())
        elif instruction.name == "ARG":
            self._declare(pairs(instruction, self._escape))
        elif instruction.name == "ENV":
            self.env |= {name: self._expand_value(value or "") for name, value in pairs(instruction, self._escape)}

    def expand(self, word: str) -> str:
        """Remove a word's quotes and expand its variables. Raises NotUnderstood."""
        return expand(word, {**self._args, **self.env}, self._escape, self._unset)

    def _begin(self, words: list[str]) -> None:
        self.base = expand(words[0], self._global, self._escape, self._unset) if words else ""
        self._args, self.env = {}, dict(self._inherited.get(self.base.lower(), {}))
        self.name = words[2].lower() if len(words) == 3 and words[1].upper() == "AS" else ""
        if self.name:
            # The same dictionary, not a copy: variables that the stage sets later are inherited too.
            self._inherited[self.name] = self.env

    def _declare(self, defaults: list[tuple[str, str | None]]) -> None:
        for name, default in defaults:
            if name in self._arguments:
                value = self._arguments[name]
            elif default is not None:
                # In a line with several arguments, builders differ in whether later ones can use earlier ones.
                value = self._expand_value(default) if len(defaults) == 1 or "$" not in default else None
            else:
                # Declared before the first FROM, or unset. Platform arguments have the builder's value, unknown here.
                value = self._global.get(name) if self._args is not self._global else None
            self._args[name] = value

    def _expand_value(self, text: str) -> str | None:
        try:
            return self.expand(text)
        except NotUnderstood:
            if self._unset is None:
                return None
            raise


def find_bases(dockerfile: Dockerfile, arguments: Mapping[str, str]) -> dict[str, str]:
    """Return the base images: as written in FROM -> with variables expanded; without `scratch` and stages."""
    stages = Stages(dockerfile, arguments, unset="")
    images: dict[str, str] = {}
    names = {"scratch"}
    for instruction in dockerfile.instructions:
        # The builder itself rejects malformed lines.
        with contextlib.suppress(NotUnderstood):
            stages.follow(instruction)
            if instruction.name == "FROM":
                if stages.base and stages.base.lower() not in names:
                    images[instruction.words()[0]] = stages.base
                names.add(stages.name)
    return images
