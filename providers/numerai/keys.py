"""Where the API keys of a Numerai account come from: the stack's encrypted configuration, else the environment.

The account that most people have is the unnamed one: `numerai-public-id` and `numerai-secret`, or NUMERAI_PUBLIC_ID and
NUMERAI_SECRET_KEY. A node with `account: NAME` uses the keys of the same names with NAME at their end.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from nodefile.variables import PUBLIC_ID, SECRET_KEY
from providers.refusal import Refusal


class NoKeys(Refusal):
    """An account's keys are not set, or are none; the sentence says where they are looked for."""


@dataclass(frozen=True)
class Names:
    """What the two parts of one account's key pair are called in the configuration and in the environment."""

    public_id: str
    secret: str
    public_id_variable: str
    secret_variable: str


@dataclass(frozen=True)
class Keys:
    """One account's key pair. Its text shows neither part."""

    public_id: str
    secret: str

    def __repr__(self) -> str:
        return "Keys(***)"


def names(account: str | None) -> Names:
    """The names for an account of nodes.yaml; None is the unnamed one."""
    ending, variable = (f"-{account}", f"_{account.upper().replace('-', '_')}") if account else ("", "")
    return Names(
        f"numerai-public-id{ending}",
        f"numerai-secret{ending}",
        f"{PUBLIC_ID}{variable}",
        f"{SECRET_KEY}{variable}",
    )


def keys(account: str | None, configured: Callable[[str], object | None]) -> Keys:
    """An account's keys; `configured` looks a setting of this project up. Raises NoKeys."""
    called = names(account)
    pairs = ((called.public_id, called.public_id_variable), (called.secret, called.secret_variable))
    found = {setting: str(configured(setting) or "") or os.environ.get(variable, "") for setting, variable in pairs}
    missing = [setting for setting, value in found.items() if not value]
    if missing:
        raise NoKeys(missing_sentence(account, missing[0]))
    for (setting, variable), value in zip(pairs, found.values(), strict=True):
        if not value.isascii():
            raise NoKeys(f"`{setting}` (or {variable}) has a character that no key has: copy it again.")
    return Keys(found[called.public_id], found[called.secret])


def missing_sentence(account: str | None, setting: str) -> str:
    """What to do about a part of a key pair that is not set."""
    called = names(account)
    variable = called.public_id_variable if setting == called.public_id else called.secret_variable
    whose = f" of the account {account}" if account else ""
    return (
        f"Numerai's API key{whose} is not set: expected the secret `{setting}` in this stack's configuration "
        f"(pulumi config set --secret {setting}) or {variable} in the environment."
    )
