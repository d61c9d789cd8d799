"""Splits URNs: urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME."""

from __future__ import annotations

from typing import NamedTuple


class Urn(NamedTuple):
    """A resource of a stack; `parents` are the types of the components that contain it, outermost first."""

    parents: tuple[str, ...]
    type: str
    name: str


def split_urn(urn: str) -> Urn:
    """Return the parts of a URN. The name may contain colons."""
    qualified, _, name = urn.split("::", 2)[-1].partition("::")
    *parents, type_ = qualified.split("$")
    return Urn(tuple(parents), type_, name)
