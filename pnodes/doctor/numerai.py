"""Check a Numerai account: its keys, their scopes, and whether it has the models that nodes.yaml names.

Any key pair that may read the account can list the scopes of all pairs. Numerai does not document the scope that each
query needs; a pair with the scopes of `_NEEDED` and `_WANTED` suffices for `up`, for runs and for all commands. A pair
that may stake works too, but every job has it, and whoever steals it could stake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nodefile import Node
from nodefile.problems import did_you_mean
from providers.findings import Finding, failed, ok, warning
from providers.numerai.keys import Keys, NoKeys, name_keys, read_keys
from providers.refusal import Refusal

_NEEDED = {
    "read_user_info": "look models up and set their webhooks",
    "upload_submission": "submit and set webhooks",
}
_WANTED = {"read_submission_info": "`pnodes status` and `pnodes test` cannot tell which submissions arrived"}
_ALL = ", ".join((*_NEEDED, *_WANTED))
_NEW_PAIR = "make a new pair at https://numer.ai/account"


def title(account: str | None) -> str:
    """Return the section's title."""
    return f"Numerai, account {account}" if account else "Numerai"


def examine(account: str | None, nodes: Sequence[Node], setting: Callable[[str], str | None]) -> Iterator[Finding]:
    """Yield the findings about one account; `setting` returns a stack setting of this project by its name."""
    from providers.numerai.client import Client, KeysRefused, NumeraiRefused

    settings = name_keys(account)
    set_both = f"pulumi config set --secret {settings.public_id} && pulumi config set --secret {settings.secret}"
    try:
        pair = read_keys(account, setting)
    except NoKeys as error:
        yield failed("keys", str(error), set_both)
        return
    try:
        profile = Client(pair).account()
    except KeysRefused:
        yield failed("keys", "Numerai does not know this key pair.", f"{set_both}  ({_NEW_PAIR})")
        return
    except NumeraiRefused as error:
        text = f"{error} The pair needs the scope read_user_info."
        yield failed("keys", text, f"{set_both}  ({_NEW_PAIR} with the scopes {_ALL})")
        return
    except Refusal as error:
        yield failed("keys", str(error), "pnodes doctor  (again, in a minute)")
        return
    user = profile.get("username")
    if setting(settings.public_id) and setting(settings.secret):
        yield ok("keys", f"they belong to {user} and are stored in the stack's secrets.")
    else:
        text = f"they belong to {user} but are set in the environment only; everyone who runs `up` must set them."
        yield warning("keys", text, set_both)
    yield from _check_scopes(profile, pair, set_both)
    yield from _check_models(profile, nodes)


def _check_scopes(profile: dict[str, Any], pair: Keys, set_both: str) -> Iterator[Finding]:
    tokens = profile.get("apiTokens") or []
    token = next((token for token in tokens if token.get("public_id") == pair.public_id), None)
    if token is None:
        yield warning("scopes", "Numerai does not list the scopes of this pair.")
        return
    scopes = set(token.get("scopes") or [])
    missing = [scope for scope in _NEEDED if scope not in scopes]
    if missing:
        why = "; ".join(f"{scope} to {_NEEDED[scope]}" for scope in missing)
        yield failed("scopes", f"the pair lacks {why}.", f"{set_both}  ({_NEW_PAIR} with these scopes too)")
    for scope in (scope for scope in _WANTED if scope not in scopes):
        yield warning("scopes", f"the pair lacks {scope}: {_WANTED[scope]}.", f"{set_both}  ({_NEW_PAIR} with it too)")
    if "stake" in scopes:
        text = "the pair may also stake, which no node needs: whoever steals it from a job could stake your NMR."
        yield warning("scopes", text, f"{set_both}  ({_NEW_PAIR} with only the scopes {_ALL})")
    elif not missing and not _WANTED.keys() - scopes:
        yield ok("scopes", f"the pair has {', '.join(sorted(scopes))}.")


def _check_models(profile: dict[str, Any], nodes: Sequence[Node]) -> Iterator[Finding]:
    models = profile.get("models") or []
    ids = {str(model["id"]).lower(): model for model in models}
    all_present = True
    for node in nodes:
        number = node.tournament.number
        if node.model_is_id:
            model = ids.get(node.model.lower())
            if model is not None and model.get("tournament") in (number, None):
                continue
            reason = (
                f'it is the model "{model["name"]}" of another tournament' if model else "the account lacks this id"
            )
            text = f"node {node.name}: {node.model} is not a {node.tournament.value} model of this account; {reason}."
        else:
            available = {str(model["name"]) for model in models if model.get("tournament") == number}
            if node.model in available:
                continue
            hint = did_you_mean(node.model, available) or f" It has: {', '.join(sorted(available)) or 'none'}."
            text = f'node {node.name}: the account has no {node.tournament.value} model "{node.model}".{hint}'
        all_present = False
        edit = f"model: ...  (of {node.name}, in nodes.yaml; or account:, if the model belongs to another account)"
        yield failed("models", text, edit)
    if all_present:
        text = "the model belongs" if len(nodes) == 1 else f"all {len(nodes)} models belong"
        yield ok("models", f"{text} to the account.")
