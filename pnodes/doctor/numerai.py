"""A Numerai account: its keys, what they may do, and whether its models are those that nodes.yaml names.

Numerai shows what a key pair may do to every pair that may read the account. Which question needs which scope it does
not publish; a pair with the three of `_NEEDED` has what `up`, a run and the day-to-day commands ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nodefile import Node
from nodefile.problems import did_you_mean
from providers.findings import Finding, failed, ok, warning
from providers.numerai.keys import Keys, NoKeys, keys, names
from providers.refusal import Refusal

_NEEDED = {
    "read_user_info": "look models up and set their webhooks",
    "upload_submission": "submit and set webhooks",
}
_WANTED = {"read_submission_info": "`pnodes status` and `pnodes test` cannot tell which submissions arrived"}
_NEW_PAIR = "make a new pair at https://numer.ai/account"


def title(account: str | None) -> str:
    """The section's name."""
    return f"Numerai, account {account}" if account else "Numerai"


def examine(account: str | None, nodes: Sequence[Node], setting: Callable[[str], str | None]) -> Iterator[Finding]:
    """The findings about one account; `setting` reads the project's own settings of the stack."""
    from providers.numerai.client import Client, KeysRefused, NumeraiRefused

    called = names(account)
    both = f"pulumi config set --secret {called.public_id} && pulumi config set --secret {called.secret}"
    try:
        pair = keys(account, setting)
    except NoKeys as error:
        yield failed("keys", str(error), both)
        return
    try:
        found = Client(pair).account()
    except KeysRefused:
        text = "Numerai does not know this key pair."
        yield failed("keys", text, f"{both}  ({_NEW_PAIR})")
        return
    except NumeraiRefused as error:
        text = f"{error} The pair needs the scope read_user_info."
        yield failed("keys", text, f"{both}  ({_NEW_PAIR} with the scopes {', '.join(_NEEDED)})")
        return
    except Refusal as error:
        yield failed("keys", str(error), "pnodes doctor  (again, in a minute)")
        return
    if setting(called.public_id) and setting(called.secret):
        yield ok("keys", f"they are of {found.get('username')}, and lie in the stack's secrets.")
    else:
        text = (
            f"they are of {found.get('username')}, but lie in the environment only: whoever runs `up` needs them there."
        )
        yield warning("keys", text, both)
    yield from _scopes(found, pair, both)
    yield from _models(found, nodes)


def _scopes(found: dict[str, Any], pair: Keys, both: str) -> Iterator[Finding]:
    token = next((each for each in found.get("apiTokens") or [] if each.get("public_id") == pair.public_id), None)
    if token is None:
        yield warning("scopes", "Numerai does not tell what this pair may do.")
        return
    scopes = set(token.get("scopes") or [])
    missing = [scope for scope in _NEEDED if scope not in scopes]
    if missing:
        why = "; ".join(f"{scope} to {_NEEDED[scope]}" for scope in missing)
        yield failed("scopes", f"the pair lacks {why}.", f"{both}  ({_NEW_PAIR} with these scopes too)")
    for scope in (each for each in _WANTED if each not in scopes):
        yield warning("scopes", f"the pair lacks {scope}: {_WANTED[scope]}.", f"{both}  ({_NEW_PAIR} with it too)")
    if not missing and not _WANTED.keys() - scopes:
        yield ok("scopes", f"the pair may {', '.join(sorted(scopes))}.")


def _models(found: dict[str, Any], nodes: Sequence[Node]) -> Iterator[Finding]:
    models = found.get("models") or []
    ids = {str(model["id"]).lower(): model for model in models}
    wrong = False
    for node in nodes:
        number = node.tournament.number
        if node.model_is_id:
            model = ids.get(node.model.lower())
            if model is not None and model.get("tournament") in (number, None):
                continue
            other = (
                f' it is the model "{model["name"]}" of another tournament' if model else " it is none of the account's"
            )
            text = f"node {node.name}: {node.model} is no {node.tournament.value} model of this account;{other}."
        else:
            own = {str(model["name"]) for model in models if model.get("tournament") == number}
            if node.model in own:
                continue
            hint = did_you_mean(node.model, own) or f" It has: {', '.join(sorted(own)) or 'none'}."
            text = f'node {node.name}: the account has no {node.tournament.value} model "{node.model}".{hint}'
        wrong = True
        yield failed("models", text, f"model: ...  (of {node.name}, in nodes.yaml; or account:, if it is another's)")
    if not wrong:
        yield ok("models", f"{'it is' if len(nodes) == 1 else f'all {len(nodes)} are'} the account's.")
