"""Follows the values of variables through the stages of a Dockerfile: what FROM, ARG and ENV say, and to whom."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from providers.images.dockerfile import Dockerfile, Instruction, NotUnderstood, expand, pairs


class Stages:
    """The base image and the variables of the stage that the instructions followed so far have reached.

    `arguments` are the arguments of the build; None as a value says that it is not known yet. `unset` is the value of
    variables that are not known; if it is None, expanding one raises NotUnderstood.
    """

    def __init__(self, dockerfile: Dockerfile, arguments: Mapping[str, str | None], unset: str | None = None) -> None:
        self._escape, self._arguments, self._unset = dockerfile.escape, arguments, unset
        self.base = ""
        """The image that the stage starts from, or the name of an earlier stage."""
        self.name = ""
        """The stage's own name in lower case, if it has one."""
        self.env: dict[str, str | None] = {}
        """What ENV has set; None for values that are not known."""
        self._global: dict[str, str | None] = {}
        self._args = self._global
        self._inherited: dict[str, dict[str, str | None]] = {}

    def follow(self, instruction: Instruction) -> None:
        """Take up what a FROM, ARG or ENV says; other instructions say nothing here. Raises NotUnderstood."""
        if instruction.name == "FROM":
            self._begin(instruction.words())
        elif instruction.name == "ARG":
            self._argument(pairs(instruction, self._escape))
        elif instruction.name == "ENV":
            self.env |= {name: self._value(value or "") for name, value in pairs(instruction, self._escape)}

    def expand(self, word: str) -> str:
        """A word without its quotes and with the values of its variables. Raises NotUnderstood."""
        return expand(word, {**self._args, **self.env}, self._escape, self._unset)

    def _begin(self, words: list[str]) -> None:
        self.base = expand(words[0], self._global, self._escape, self._unset) if words else ""
        self._args, self.env = {}, dict(self._inherited.get(self.base.lower(), {}))
        self.name = words[2].lower() if len(words) == 3 and words[1].upper() == "AS" else ""
        if self.name:
            # The very same dictionary: what the stage sets later is inherited, too.
            self._inherited[self.name] = self.env

    def _argument(self, defaults: list[tuple[str, str | None]]) -> None:
        for name, default in defaults:
            if name in self._arguments:
                value = self._arguments[name]
            elif default is not None:
                # Several in one line: builders differ in whether the later ones know the earlier ones.
                value = self._value(default) if len(defaults) == 1 or "$" not in default else None
            else:
                # Declared before the first FROM, or set by nobody; platform arguments are set by the builder.
                value = self._global.get(name) if self._args is not self._global else None
            self._args[name] = value

    def _value(self, text: str) -> str | None:
        try:
            return self.expand(text)
        except NotUnderstood:
            if self._unset is None:
                return None
            raise


def bases(dockerfile: Dockerfile, arguments: Mapping[str, str]) -> dict[str, str]:
    """Base image as its FROM writes it -> with its variables resolved; without `scratch` and names of stages."""
    stages = Stages(dockerfile, arguments, unset="")
    images: dict[str, str] = {}
    names = {"scratch"}
    for instruction in dockerfile.instructions:
        # A line that cannot be read is for the builder to refuse.
        with contextlib.suppress(NotUnderstood):
            stages.follow(instruction)
            if instruction.name == "FROM":
                if stages.base and stages.base.lower() not in names:
                    images[instruction.words()[0]] = stages.base
                names.add(stages.name)
    return images
