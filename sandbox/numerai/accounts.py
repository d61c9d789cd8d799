"""Accounts, their API keys with scopes, and their models.

The sandbox starts with one account, which owns a few models per tournament and one key pair with the scopes that nodes
need, and with a second account, whose model lets tests check that access is refused.
"""

from __future__ import annotations

import hmac
import secrets
import string
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.numerai.tournaments import Tournament
from sandbox.store import Store

ACCOUNT = "sandbox_user"
STRANGER = "someone_else"
SCOPES = ("upload_submission", "stake", "download_submission", "read_submission_info", "read_user_info")

_KEYS = "numerai-keys"
_MODELS = "numerai-models"
_SETTINGS = "numerai-settings"
_ALPHABET = string.ascii_uppercase + string.digits
_FIRST_MODELS = (
    (ACCOUNT, Tournament.CLASSIC, "alpha_model"),
    (ACCOUNT, Tournament.SIGNALS, "beta_model"),
    (ACCOUNT, Tournament.CRYPTO, "gamma_model"),
    (ACCOUNT, Tournament.CLASSIC, "delta_model"),
    (ACCOUNT, Tournament.CLASSIC, "epsilon_model"),
    (ACCOUNT, Tournament.SIGNALS, "zeta_model"),
    (ACCOUNT, Tournament.SIGNALS, "eta_model"),
    (ACCOUNT, Tournament.CRYPTO, "theta_model"),
    (ACCOUNT, Tournament.CRYPTO, "iota_model"),
    (STRANGER, Tournament.CLASSIC, "stranger_model"),
)


class Refused(Exception):
    """Numerai answers a request with an error; the message is the one that the caller gets."""


@dataclass(frozen=True)
class Caller:
    """The sender of a request: the account of the key pair and the pair's scopes."""

    account: str
    scopes: frozenset[str]


def authorise(caller: Caller | None, scope: str) -> Caller:
    """Return the caller if its keys have the scope. Raises Refused."""
    if caller is None:
        raise Refused("You must be authenticated to perform this action: send the header Authorization: Token ID$KEY.")
    if scope not in caller.scopes:
        raise Refused(
            f"Insufficient permission: this API key has no scope {scope} (it has: "
            f"{', '.join(sorted(caller.scopes)) or 'none'}). Make a key with that scope in the account's settings."
        )
    return caller


class Accounts:
    """The keys and models in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        if store.insert(_SETTINGS, "accounts", {"ready": True}):
            self.add_key(("upload_submission", "read_submission_info", "read_user_info"), name="sandbox")
            for place, (account, tournament, name) in enumerate(_FIRST_MODELS, start=1):
                model_id = f"5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c{place:02d}"
                self.add_model(name, tournament, model_id=model_id, account=account)

    # keys

    def add_key(self, scopes: Iterable[str], account: str = ACCOUNT, name: str = "key") -> tuple[str, str]:
        """Create a key pair; return (public id, secret key). Raises ValueError."""
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown:
            raise ValueError(f"scopes: {', '.join(unknown)} are not among {', '.join(SCOPES)}")
        public_id, secret_key = ("".join(secrets.choice(_ALPHABET) for _ in range(length)) for length in (32, 64))
        doc = {"public_id": public_id, "secret": secret_key, "account": account, "name": name, "scopes": sorted(scopes)}
        self._store.put(_KEYS, public_id, doc)
        return public_id, secret_key

    def keys(self, account: str = ACCOUNT) -> list[dict[str, Any]]:
        """Return the key pairs of an account."""
        return [doc for doc in self._store.all(_KEYS).values() if doc["account"] == account]

    def first_key(self) -> tuple[str, str]:
        """Return the initial key pair, which has every scope."""
        doc = next(doc for doc in self.keys() if doc["name"] == "sandbox")
        return doc["public_id"], doc["secret"]

    def caller(self, public_id: str, secret_key: str) -> Caller | None:
        """Return the caller with this key pair, or None if the pair does not exist."""
        doc = self._store.get(_KEYS, public_id)
        if doc is None or not hmac.compare_digest(doc["secret"].encode(), secret_key.encode()):
            return None
        return Caller(doc["account"], frozenset(doc["scopes"]))

    # models

    def add_model(
        self, name: str, tournament: str, model_id: str | None = None, account: str = ACCOUNT
    ) -> dict[str, Any]:
        """Create a model, by default with a random id. Raises ValueError."""
        kind = Tournament(tournament)
        if any(model["name"] == name and model["tournament"] == kind for model in self.all_models()):
            raise ValueError(f"model: {kind} already has a model named {name}; choose another name")
        model_id = model_id or str(uuid.uuid4())
        doc = {"id": model_id, "name": name, "tournament": kind.value, "account": account, "webhook": None}
        if not self._store.insert(_MODELS, model_id, doc):
            raise ValueError(f"model: the id {model_id} is taken; leave it out to get a new one")
        return doc

    def all_models(self) -> list[dict[str, Any]]:
        """Return the models of every account, sorted by id."""
        return list(self._store.all(_MODELS).values())

    def models(self, account: str = ACCOUNT) -> list[dict[str, Any]]:
        """Return the models of one account."""
        return [model for model in self.all_models() if model["account"] == account]

    def find(self, name: str, tournament: int | None) -> dict[str, Any] | None:
        """Find a model by its name, in one tournament or in any (None, 0)."""
        kind = Tournament.from_number(tournament or 0)
        return next((m for m in self.all_models() if m["name"] == name and kind in (None, m["tournament"])), None)

    def model(self, model_id: str | None, caller: Caller | None = None) -> dict[str, Any]:
        """Return a model; with a caller, one of its own. An account's only model needs no id. Raises Refused."""
        if model_id is None and caller is not None and len(models := self.models(caller.account)) == 1:
            return models[0]
        if model_id is None:
            raise Refused("modelId is required, since the account has several models.")
        model = self._store.get(_MODELS, model_id)
        if model is None or (caller is not None and model["account"] != caller.account):
            raise Refused(f"Model not found: the account has no model with the id {model_id}.")
        return model

    def change(self, model_id: str, **values: str | None) -> None:
        """Set properties of a model."""
        self._store.put(_MODELS, model_id, {**self.model(model_id), **values})
