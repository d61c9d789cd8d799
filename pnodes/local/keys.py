"""Find the API keys and the model id for a run: real keys with --submit, otherwise placeholders.

Real keys come from the environment or from the stack's configuration, which the engine decrypts. They are never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nodefile import Node
from pnodes.errors import UserError
from pnodes.local.packages import Say
from pnodes.local.settings import read_settings
from pnodes.local.variables import NO_MODEL_ID, Account
from providers.numerai import keys as numerai_keys
from providers.numerai.keys import Keys
from providers.refusal import Refusal


def find_account(
    node: Node, submit: bool, environ: Mapping[str, str], project: Path, stack: str | None, say: Say
) -> Account:
    """Return the account of a run. Raises UserError if a run with --submit lacks the keys or the model's id."""
    names = numerai_keys.name_keys(node.account)
    exported = Keys(environ.get(names.public_id_variable, ""), environ.get(names.secret_variable, ""))
    complete = bool(exported.public_id and exported.secret)
    if submit:
        pair = exported if complete else _read_configured(node, environ, project, stack)
        return Account(_find_model_id(node, pair), pair.public_id, pair.secret)
    if node.model_is_id:
        return Account(node.model.lower())
    reason = f"{names.public_id_variable} and {names.secret_variable} are not set"
    if complete:
        try:
            return Account(_find_model_id(node, exported))
        except UserError as error:
            reason = str(error).rstrip(".")
    say(f'note: MODEL_ID is a placeholder, because the id of "{node.model}" could not be looked up ({reason}).')
    return Account(NO_MODEL_ID)


def _find_model_id(node: Node, pair: Keys) -> str:
    if node.model_is_id:
        return node.model.lower()
    from providers.numerai.models import look_up  # imports Pulumi's SDK, which loads slowly

    name = f"{node.tournament.value}/{node.model}"
    try:
        return look_up([name], pair)[name]
    except Refusal as error:
        raise UserError(str(error)) from None


def _read_configured(node: Node, environ: Mapping[str, str], project: Path, stack: str | None) -> Keys:
    """Read the keys from the stack's configuration. Raises UserError."""
    names = numerai_keys.name_keys(node.account)

    def explain(setting: str) -> str:
        return f"--submit: {numerai_keys.explain_missing_key(node.account, setting)}"

    return Keys(*read_settings([names.public_id, names.secret], explain, environ, project, stack))
