"""Whose keys and which model a run gets: real ones with --submit, else placeholders.

Real keys are those of the environment, else the ones in the stack's configuration, which the engine decrypts. They are
never shown.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from engine.locate import find
from nodefile import Node
from runs.packages import Say
from runs.refused import CannotRun
from runs.variables import NO_MODEL_ID, PUBLIC_ID, SECRET_KEY, Account

_SETTINGS = {PUBLIC_ID: "numerai-public-id", SECRET_KEY: "numerai-secret"}


def account(
    node: Node, submit: bool, environ: Mapping[str, str], project: Path, stack: str | None, say: Say
) -> Account:
    """The account of a run. Raises CannotRun when it shall submit and keys or the model's id cannot be had."""
    if submit:
        public_id, secret_key = _keys(environ, project, stack)
        return Account(_model_id(node, public_id, secret_key), public_id, secret_key)
    if node.model_is_id:
        return Account(node.model.lower())
    public_id, secret_key = environ.get(PUBLIC_ID, ""), environ.get(SECRET_KEY, "")
    reason = f"{PUBLIC_ID} and {SECRET_KEY} are not set"
    if public_id and secret_key:
        try:
            return Account(_model_id(node, public_id, secret_key))
        except CannotRun as error:
            reason = str(error)
    say(f'note: MODEL_ID is a placeholder: the id of "{node.model}" could not be looked up ({reason}).')
    return Account(NO_MODEL_ID)


def _model_id(node: Node, public_id: str, secret_key: str) -> str:
    if node.model_is_id:
        return node.model.lower()
    from numerai.models import LookUpFailed, look_up  # it needs Pulumi's SDK, which takes a moment to load

    name = f"{node.tournament.value}/{node.model}"
    try:
        return look_up([name], public_id, secret_key)[name]
    except LookUpFailed as error:
        raise CannotRun(str(error)) from None


def _keys(environ: Mapping[str, str], project: Path, stack: str | None) -> tuple[str, str]:
    public_id, secret_key = environ.get(PUBLIC_ID), environ.get(SECRET_KEY)
    if public_id and secret_key:
        return public_id, secret_key
    return _configured(PUBLIC_ID, environ, project, stack), _configured(SECRET_KEY, environ, project, stack)


def _configured(variable: str, environ: Mapping[str, str], project: Path, stack: str | None) -> str:
    """A key from the stack's configuration."""
    setting = _SETTINGS[variable]
    wanted = (
        f"--submit needs Numerai's API key: {PUBLIC_ID} and {SECRET_KEY} in the environment, or the secret `{setting}` "
        f"in the configuration of the selected stack (pulumi config set --secret {setting})"
    )
    engine = find()
    if engine is None:
        raise CannotRun(f"{wanted}. There is no Pulumi engine here to ask for the latter: run `pnodes engine`.")
    chosen = ["--stack", stack] if stack else []
    asked = [str(engine.path), "config", "get", setting, "--non-interactive", *chosen]
    done = subprocess.run(
        asked, cwd=project, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    value = done.stdout.strip()
    if done.returncode or not value:
        said = done.stderr.strip().removeprefix("error: ") or "it is empty"
        raise CannotRun(f"{wanted}. Pulumi says: {said}")
    return value
