"""The declaration of one key of nodes.yaml. `nodefile/node.py` has one beside each field of `Node`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Inherit(Enum):
    """How a node's own value and the one in `defaults` become one."""

    REPLACE = "the node's value is used instead"
    MERGE = "the node's names are added to those of `defaults`"
    NEVER = "`defaults` cannot have the key"


def spelled(value: Any) -> str:
    """A value as the file would spell it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, kw_only=True)
class Key:
    """Everything about a key except its type and its default, which are those of the field.

    `read` turns what YAML gave into the field's value, or raises ValueError (`nodefile/fields.py` has the readers).
    The texts are Markdown: `about` is the sentence that editors and the docs show, `value` says what a value looks
    like, `example` is a part of a node, `clouds` says where the key works unless all clouds treat it alike, `more` is
    the rest of the key's section, and `default` describes a default that `show` cannot. `name` is the key's name where
    the field has another one. `show` is a value in a line of `pnodes diff`, which lists only the changed names of a
    mapping if `names_only` is set.
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
    show: Callable[[Any], str] = spelled
    names_only: bool = False
