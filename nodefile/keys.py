"""The declaration of a key of nodes.yaml. `nodefile/node.py` has one for each field of `Node`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Inherit(Enum):
    """How a node's own value is combined with the value in `defaults`."""

    REPLACE = "the node's value is used instead"
    MERGE = "the node's names are added to those of `defaults`"
    NEVER = "the key is not allowed in `defaults`"


def spell(value: Any) -> str:
    """Return a value as nodes.yaml spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, kw_only=True)
class Key:
    """Everything about a key except its type and its default, which are those of the field.

    `read` turns the parsed YAML into the field's value, or raises ValueError (`nodefile/fields.py` has the readers).
    The texts are Markdown: `about` is the sentence that editors and the docs show, `value` describes the form of a
    value, `example` is a part of a node, `clouds` describes differences between the clouds, `more` is the rest of the
    key's section, and `default` describes a default that `show` cannot. `name` is the key's name if it differs from the
    field's. `show` formats a value for a line of `pnodes diff`, which lists only the changed names of a mapping if
    `names_only` is set.
    """

    about: str
    read: Callable[[Any], Any]
    value: str
    example: str
    clouds: str = ""
    more: str = ""
    default: str = ""
    name: str = ""
    inherit: Inherit = Inherit.REPLACE
    show: Callable[[Any], str] = spell
    names_only: bool = False
