"""`pnodes release`: `pulumi up` for one node and what it needs, while edits of other nodes wait.

A preview says which resources would change and whose they are: a node's are those under its component, and its webhook
at Numerai; what belongs to no node (network, keys, build project) is shared. The update then names, one by one, the
node's changes and the shared ones; no resource of another node is touched, not even as a dependent.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.deployed.stack import AsJson, StackOption, engine, environment, failed, run
from pnodes.errors import UserError
from sandbox.cli.engine_run import waited

_NOTHING = frozenset({"same", "read", "refresh"})
_ENDS = ("delete", "discard")
_NODE, _WEBHOOK = ":PredictionNode", "prediction-nodes/Webhook:Webhook"


def release(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's name in nodes.yaml.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Bring one node up as nodes.yaml has it: `pulumi up` for its resources and the shared ones that it needs.

    Other nodes stay as they are deployed, whatever nodes.yaml says of them. Exit code 1 when the update fails.
    """
    if as_json and not (dry_run or yes):
        raise UserError("--json goes with --dry-run or --yes.", 2)
    _known(node, stack)
    chosen = ["--stack", stack] if stack else []
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status("pulumi preview: what would change ..."):
        changes = targets(_preview(chosen), node)
    if as_json:
        print(json.dumps({"node": node, "changes": changes}, indent=2))
    else:
        console.print(
            f"{node}: nothing to do." if not changes else f"{node}: {len(changes)} changes of it and of what it shares."
        )
        for urn, operation in changes.items() if dry_run else ():
            print(f"{operation:<8} {short(urn)}")
    if dry_run or not changes:
        return
    # The engine's own preview and question; it is shown to the person, so it writes where no JSON is.
    asked = ["--yes", "--skip-preview"] if yes else []
    if not yes and not sys.stdin.isatty():
        raise UserError("There is nobody to ask; give --yes.", 2)
    found = engine()
    wanted = [part for urn in changes for part in ("--target", urn)]
    with subprocess.Popen(
        [str(found.path), "up", *asked, *chosen, *wanted],
        cwd=project.project_folder(),
        env=environment(found),
        stdout=sys.stderr if as_json else None,
    ) as process:
        code = waited(process)
    if code:
        raise UserError(f"`pulumi up` for {node} ended with exit code {code}; what it said is above.")


def targets(steps: list[dict[str, Any]], node: str) -> dict[str, str]:
    """URN -> operation of what a release of the node changes. Raises UserError.

    Shared resources are made and updated, never removed: another node may still be deployed on them.
    """
    parents = {step["urn"]: _parent(step) for step in steps}
    found: dict[str, str] = {}
    for step in steps:
        urn, operation = step["urn"], step["op"]
        if operation in _NOTHING or ":pulumi:Stack" in urn:
            continue
        owner = _owner(urn, parents)
        if owner == node or (owner is None and not operation.startswith(_ENDS)):
            found.setdefault(urn, operation)
        elif operation == "create" and urn.split("::")[2].endswith(_NODE):
            raise UserError(
                f"{owner} is new in nodes.yaml as well, and outputs of the stack need it: run `pulumi up` for all, or "
                f"leave {owner} out of the file for now."
            )
    return found


def short(urn: str) -> str:
    """Type and name."""
    _, _, qualified, name = urn.split("::", 3)
    return f"{qualified.rsplit('$', 1)[-1]} {name}"


def _owner(urn: str, parents: Mapping[str, str]) -> str | None:
    """The node that a resource belongs to; None for what nodes share."""
    while urn:
        _, _, qualified, name = urn.split("::", 3)
        kind = qualified.rsplit("$", 1)[-1]
        if kind.endswith((_NODE, _WEBHOOK)):
            return name
        urn = parents.get(urn, "")
    return None


def _parent(step: Mapping[str, Any]) -> str:
    state = step.get("newState") or step.get("oldState") or {}
    return str(state.get("parent") or "")


def _preview(chosen: list[str]) -> list[dict[str, Any]]:
    done = run("preview", "--json", *chosen)
    try:
        document = json.loads(done.stdout)
        steps: list[dict[str, Any]] = document.get("steps") or []
    except (ValueError, AttributeError):
        raise failed(done, ["preview"]) from None
    errors = [str(each["message"]).strip() for each in document.get("diagnostics") or [] if each["severity"] == "error"]
    if done.returncode or errors:
        raise UserError("the preview failed, so nothing was changed:\n" + "\n".join(errors or [done.stderr.strip()]))
    return steps


def _known(node: str, stack: str | None) -> None:
    """Whether nodes.yaml has it, before anything slow. Raises UserError."""
    from nodefile import NodeFileError
    from nodefile.problems import did_you_mean
    from providers.checks import load_checked

    folder = project.project_folder()
    try:
        names = [each.name for each in load_checked(folder / "nodes.yaml", project.project_name(folder)).nodes]
    except NodeFileError as error:
        raise UserError(f"nodes.yaml has mistakes:\n{error}", 2) from None
    if node not in names:
        raise UserError(f'nodes.yaml has no node "{node}".{did_you_mean(node, names)} It has: {", ".join(names)}.', 2)
