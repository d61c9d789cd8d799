"""The API's queries and mutations: which need a scope, which need none, and which are public.

Numerai does not publish a list. Known are the five scopes, that data, rounds and leaderboards are public, and the names
on the page where a key is created (upload submissions, download submissions, stake, read submission info, read user
info). A new field needs a line in this table.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from sandbox.numerai.accounts import SCOPES, Caller, Refused
from sandbox.numerai.app import Numerai
from sandbox.numerai.mutations import Mutation
from sandbox.numerai.queries import Query
from tests.sandbox.numerai.world import CLASSIC_MODEL, World

MODEL = {"model_id": CLASSIC_MODEL}
FILE = {"filename": "p.csv", **MODEL}
NEEDED: dict[str, tuple[str, dict[str, Any]]] = {
    "account": ("read_user_info", {}),
    "model": ("read_user_info", MODEL),
    "pending_model_payouts": ("read_user_info", {}),
    "submissions": ("read_submission_info", MODEL),
    "submission_download_auth": ("download_submission", {"id": "x"}),
    "submission_upload_auth": ("upload_submission", {**FILE, "tournament": 8}),
    "submission_upload_signals_auth": ("upload_submission", FILE),
    "create_submission": ("upload_submission", {**FILE, "tournament": 8}),
    "create_signals_submission": ("upload_submission", FILE),
    "set_submission_webhook": ("upload_submission", MODEL),
    "trigger_model_webhook": ("upload_submission", MODEL),
}
PUBLIC: dict[str, dict[str, Any]] = {
    "account_profile": {"username": "sandbox_user"},
    "v3_user_profile": {"model_name": "alpha_model"},
    "v2_signals_profile": {"model_name": "beta_model"},
    "v2_leaderboard": {},
    "signals_leaderboard": {},
    "cryptosignals_leaderboard": {},
    "account_leaderboard": {},
    "rounds": {},
    "tournaments": {},
    "list_datasets": {},
    "dataset": {"filename": "v5.3/live.parquet"},
    "submission_scores": MODEL,
    "v2_round_model_performances": {**MODEL, "tournament": 8},
    "latest_nmr_price": {},
}


def fields(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


@pytest.fixture
def root(world: World) -> Any:
    """Return the API's names of all fields."""
    numerai: Numerai = world.boot()
    return numerai._api._root


def test_every_field_is_in_the_table() -> None:
    assert fields(Query) | fields(Mutation) == NEEDED.keys() | PUBLIC.keys()
    assert not NEEDED.keys() & PUBLIC.keys()


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_without_keys_or_without_the_scope_it_is_refused(root: Any, name: str) -> None:
    scope, arguments = NEEDED[name]
    with pytest.raises(Refused, match="must be authenticated"):
        getattr(root, name)(None, **arguments)
    others = Caller("sandbox_user", frozenset(SCOPES) - {scope})
    with pytest.raises(Refused, match=f"no scope {scope}"):
        getattr(root, name)(others, **arguments)


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_with_the_scope_alone_it_is_answered(root: Any, name: str) -> None:
    scope, arguments = NEEDED[name]
    refusal = ""
    try:
        getattr(root, name)(Caller("sandbox_user", frozenset({scope})), **arguments)
    except Refused as error:
        refusal = str(error)  # because the object does not exist, not because of the caller
    assert "scope" not in refusal
    assert "authenticated" not in refusal


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_what_is_public_needs_no_keys(root: Any, name: str) -> None:
    assert getattr(root, name)(None, **PUBLIC[name]) is not None
