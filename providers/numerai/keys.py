"""Reads the API keys of a Numerai account from the stack's encrypted configuration or, failing that, the environment.

Nodes without `account` use `numerai-public-id` and `numerai-secret`, or NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY. Nodes
with `account: NAME` use the keys with the same names followed by NAME.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nodefile import Node
from nodefile.variables import PUBLIC_ID, SECRET_KEY
from providers.refusal import Refusal


class NoKeys(Refusal):
    """An account's keys are not set or not valid. The sentence says where to set them."""


@dataclass(frozen=True)
class Names:
    """The names of one account's key pair in the configuration and in the environment."""

    public_id: str
    secret: str
    public_id_variable: str
    secret_variable: str

    @property
    def pairs(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Each setting with its variable."""
        return (self.public_id, self.public_id_variable), (self.secret, self.secret_variable)


@dataclass(frozen=True)
class Keys:
    """One account's key pair. Its repr shows neither part."""

    public_id: str
    secret: str

    def __repr__(self) -> str:
        return "Keys(***)"


def list_accounts(nodes: Iterable[Node]) -> list[str | None]:
    """Return the accounts of these nodes, the unnamed one first."""
    return sorted({node.account for node in nodes}, key=lambda account: account or "")


def name_keys(account: str | None) -> Names:
    """Return the names of the keys of an account in nodes.yaml; None is the unnamed account."""
    ending, variable = (f"-{account}", f"_{account.upper().replace('-', '_')}") if account else ("", "")
    return Names(
        f"numerai-public-id{ending}",
        f"numerai-secret{ending}",
        f"{PUBLIC_ID}{variable}",
        f"{SECRET_KEY}{variable}",
    )


def read_keys(account: str | None, configured: Callable[[str], object | None]) -> Keys:
    """Return an account's keys. `configured` looks up a setting of this project. Raises NoKeys."""
    names = name_keys(account)
    values = {name: str(configured(name) or "") or os.environ.get(variable, "") for name, variable in names.pairs}
    missing = [setting for setting, value in values.items() if not value]
    if missing:
        raise NoKeys(explain_missing_key(account, missing[0]))
    for (setting, variable), value in zip(names.pairs, values.values(), strict=True):
        if not value.isascii():
            raise NoKeys(f"`{setting}` (or {variable}) contains a character that no key has: copy the key again.")
    return Keys(values[names.public_id], values[names.secret])


def explain_missing_key(account: str | None, setting: str) -> str:
    """Return a sentence that says how to set a missing part of a key pair."""
    variable = dict(name_keys(account).pairs)[setting]
    whose = f" of the account {account}" if account else ""
    return (
        f"Numerai's API key{whose} is not set: expected the secret `{setting}` in this stack's configuration "
        f"(pulumi config set --secret {setting}) or {variable} in the environment."
    )
