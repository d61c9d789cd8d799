"""Find the API keys and the model id for a run: real keys with --submit, otherwise placeholders.

Real keys come from the environment or from the stack's configuration, which the engine decrypts. They are never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nodefile import Node
from pnodes.engine.locate import find
from pnodes.errors import UserError
from pnodes.local.packages import Say
from pnodes.local.variables import NO_MODEL_ID, Account
from pnodes.pulumi import Pulumi, first_error, stack_option
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
    names, engine = numerai_keys.name_keys(node.account), find()
    if engine is None:
        raise UserError(
            f"--submit: {numerai_keys.explain_missing_key(node.account, names.secret)} To read the configuration, a "
            "Pulumi engine is needed: `pnodes engine` installs one."
        )
    pulumi, values = Pulumi(engine, project, environ), []
    for setting in (names.public_id, names.secret):
        done = pulumi.run("config", "get", setting, *stack_option(stack))
        values.append(done.stdout.strip())
        if done.returncode or not values[-1]:
            reason = first_error(done.stderr) if done.returncode else "it is empty"
            sentence = numerai_keys.explain_missing_key(node.account, setting)
            raise UserError(f"--submit: {sentence} Pulumi says: {reason}")
    return Keys(*values)
