"""Read secret settings of the stack, which the engine decrypts, for a run on this machine. They are never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nodefile import Node
from pnodes.engine.locate import find
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi, first_error, stack_option


def read_settings(
    names: Sequence[str], explain: Callable[[str], str], environ: Mapping[str, str], project: Path, stack: str | None
) -> list[str]:
    """Return the values of these settings. `explain` returns the sentence about a missing one. Raises UserError."""
    engine = find()
    if engine is None:
        raise UserError(
            f"{explain(names[-1])} To read the configuration, a Pulumi engine is needed: `pnodes engine` installs one."
        )
    pulumi, values = Pulumi(engine, project, environ), []
    for name in names:
        done = pulumi.run("config", "get", name, *stack_option(stack))
        values.append(done.stdout.strip())
        if done.returncode or not values[-1]:
            reason = first_error(done.stderr) if done.returncode else "it is empty"
            raise UserError(f"{explain(name)} Pulumi says: {reason}")
    return values


def find_secrets(node: Node, environ: Mapping[str, str], project: Path, stack: str | None) -> dict[str, str]:
    """Return the values of the node's own secrets, from the environment or else from the stack. Raises UserError."""
    exported = {name: environ[name] for name in node.secrets if environ.get(name)}
    missing = [name for name in node.secrets if name not in exported]
    if not missing:
        return exported

    def explain(name: str) -> str:
        return (
            f"the secret {name} of {node.name} is not set: expected it in this stack's configuration "
            f"(pulumi config set --secret {name}) or in the environment."
        )

    return exported | dict(zip(missing, read_settings(missing, explain, environ, project, stack), strict=True))
