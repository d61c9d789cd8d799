"""Whose keys and which model a run gets: real ones with --submit, else placeholders.

Real keys are those of the environment, else the ones in the stack's configuration, which the engine decrypts. They are
never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nodefile import Node
from pnodes.engine.locate import find
from pnodes.local.packages import Say
from pnodes.local.refused import CannotRun
from pnodes.local.variables import NO_MODEL_ID, Account
from pnodes.pulumi import Pulumi, first_error, stack_option
from providers.numerai import keys as numerai_keys
from providers.numerai.keys import Keys
from providers.refusal import Refusal


def account(
    node: Node, submit: bool, environ: Mapping[str, str], project: Path, stack: str | None, say: Say
) -> Account:
    """The account of a run. Raises CannotRun when it shall submit and keys or the model's id cannot be had."""
    called = numerai_keys.name_keys(node.account)
    here = Keys(environ.get(called.public_id_variable, ""), environ.get(called.secret_variable, ""))
    complete = bool(here.public_id and here.secret)
    if submit:
        pair = here if complete else _configured(node, environ, project, stack)
        return Account(_model_id(node, pair), pair.public_id, pair.secret)
    if node.model_is_id:
        return Account(node.model.lower())
    reason = f"{called.public_id_variable} and {called.secret_variable} are not set"
    if complete:
        try:
            return Account(_model_id(node, here))
        except CannotRun as error:
            reason = str(error).rstrip(".")
    say(f'note: MODEL_ID is a placeholder: the id of "{node.model}" could not be looked up ({reason}).')
    return Account(NO_MODEL_ID)


def _model_id(node: Node, pair: Keys) -> str:
    if node.model_is_id:
        return node.model.lower()
    from providers.numerai.models import look_up  # it needs Pulumi's SDK, which takes a moment to load

    name = f"{node.tournament.value}/{node.model}"
    try:
        return look_up([name], pair)[name]
    except Refusal as error:
        raise CannotRun(str(error)) from None


def _configured(node: Node, environ: Mapping[str, str], project: Path, stack: str | None) -> Keys:
    """The keys in the stack's configuration."""
    called, engine = numerai_keys.name_keys(node.account), find()
    if engine is None:
        raise CannotRun(
            f"--submit: {numerai_keys.explain_missing_key(node.account, called.secret)} There is no Pulumi engine here "
            "to read the configuration with: `pnodes engine` gets one."
        )
    pulumi, found = Pulumi(engine, project, environ), []
    for setting in (called.public_id, called.secret):
        done = pulumi.run("config", "get", setting, *stack_option(stack))
        found.append(done.stdout.strip())
        if done.returncode or not found[-1]:
            reason = first_error(done.stderr) if done.returncode else "it is empty"
            sentence = numerai_keys.explain_missing_key(node.account, setting)
            raise CannotRun(f"--submit: {sentence} Pulumi says: {reason}")
    return Keys(*found)
