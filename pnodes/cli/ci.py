"""`pnodes ci`: the steps of the workflows in .github/workflows/. They read their input from the environment."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pnodes import project
from pnodes.errors import UserError

if TYPE_CHECKING:
    from nodefile.node_file import NodeFile
    from pnodes.ci.github import Step
    from pnodes.ci.markdown import Origin

app = typer.Typer(help="Run the steps of the workflows in .github/workflows.", no_args_is_help=True)
Minutes = Annotated[float, typer.Option(help="Duration of a run in minutes, for the cost estimate.")]


class Role(StrEnum):
    """The role that a workflow assumes in the clouds; part of the names of the repository's variables."""

    PREVIEW = "PREVIEW"
    DRIFT = "DRIFT"
    DEPLOY = "DEPLOY"


RoleOption = Annotated[
    Role, typer.Option(help="Role to assume in the clouds; part of the names of the repository's variables.")
]


@app.command()
def check(role: RoleOption) -> None:
    """Set the outputs of the step: `ready` (true or false), and the `clouds` to log in to."""
    from pnodes.ci import needs
    from pnodes.ci.github import Step

    step = Step(os.environ)
    requirements = needs.find_needs(project.project_folder(), os.environ, role.value)
    ready = not requirements.missing and not step.from_fork
    step.output(ready=str(ready).lower(), clouds=" ".join(requirements.clouds) if ready else "")
    print(f"clouds to log in to: {', '.join(requirements.clouds) or 'none'}")
    for sentence in requirements.missing:
        print(sentence)


@app.command()
def deployed(role: RoleOption) -> None:
    """Set the output of the step: `clouds` that still have nodes although nodes.yaml no longer names them."""
    from pnodes.ci import engine_log, needs
    from pnodes.ci.github import Step
    from pnodes.pulumi import Pulumi

    folder = project.project_folder()
    state = engine_log.read_json(Pulumi.find(folder), "stack", "export")
    named = needs.find_needs(folder, os.environ, role.value).clouds
    others = sorted(needs.list_deployed_clouds(state) - set(named))
    Step(os.environ).output(clouds=" ".join(others))
    print(f"other clouds that still have nodes: {', '.join(others) or 'none'}")


@app.command()
def preview(minutes: Minutes = 10.0) -> None:
    """Preview a pull request and describe the changes in a single comment on it."""
    from nodefile import NodeFileError
    from nodefile.settings import dump_settings
    from pnodes.ci import comment, engine_log
    from pnodes.ci.github import Step
    from pnodes.plan.preview import read_events
    from pnodes.plan.summary import summarise

    step, folder = Step(os.environ), project.project_folder()
    origin = _origin(step)
    try:
        wanted = dump_settings(_load_nodes(folder))
    except NodeFileError as error:
        _publish(step, comment.render_mistakes(str(error), origin))
        raise UserError(f"nodes.yaml has mistakes:\n{error}", 2) from None
    if not _is_usable(step, folder, Role.PREVIEW, origin):
        return
    logged, scrubber, outputs = engine_log.run(step, folder, "preview", "--diff")
    if logged.code:
        _publish(step, scrubber.scrub(comment.render_failure(logged.text, origin)))
        raise logged.failure("preview")
    summary = summarise(read_events(logged.events), outputs.get("settings") or {}, wanted, minutes)
    _publish(step, scrubber.scrub(comment.render_changes(summary, logged.text, origin)))


@app.command()
def up(
    minutes: Minutes = 10.0,
    refresh: Annotated[
        bool, typer.Option("--refresh/--no-refresh", help="First refresh the state from the clouds.")
    ] = False,
) -> None:
    """Deploy with `pulumi up`, and list the changes in the run's summary."""
    from nodefile import NodeFileError
    from nodefile.settings import dump_settings
    from pnodes.ci import engine_log
    from pnodes.ci.github import Step
    from pnodes.plan.markdown import render
    from pnodes.plan.preview import read_events
    from pnodes.plan.summary import summarise

    step, folder = Step(os.environ), project.project_folder()
    origin = _origin(step)
    if not _is_usable(step, folder, Role.DEPLOY, origin):
        return
    try:
        wanted = dump_settings(_load_nodes(folder))
    except NodeFileError as error:
        raise UserError(f"nodes.yaml has mistakes, so nothing was changed:\n{error}", 2) from None
    options = ["--refresh"] if refresh else []
    logged, scrubber, outputs = engine_log.run(step, folder, "up", "--yes", "--skip-preview", *options)
    text = render(summarise(read_events(logged.events), outputs.get("settings") or {}, wanted, minutes), origin.stack)
    if logged.code:
        step.summary(f"**`pulumi up` failed** with exit code {logged.code}; see the log for the reason.\n")
        raise logged.failure("up")
    step.summary(scrubber.scrub(f"{text}\n{origin.footer}\n"))


@app.command()
def drift() -> None:
    """Compare the clouds with the state, and keep one issue open while they differ. Changes nothing in the clouds."""
    from pnodes.ci import drift as issue
    from pnodes.ci import engine_log
    from pnodes.ci.github import Repository, Step

    step, folder = Step(os.environ), project.project_folder()
    origin = _origin(step)
    if not _is_usable(step, folder, Role.DRIFT, origin):
        return
    logged, scrubber, _ = engine_log.run(step, folder, "refresh", "--preview-only", "--expect-no-changes", "--diff")
    if logged.locked:
        step.notice("notice", "An update of the stack is running, so nothing was compared. The next check will.")
        return
    repository = Repository(os.environ)
    if logged.changes:
        body = scrubber.scrub(issue.render_body(issue.find_drift(logged.events), logged.text, origin))
        number = repository.put_issue(issue.MARK, f"Drift: the clouds differ from the stack {origin.stack}", body)
        step.summary(body)
        step.notice("warning", f"The clouds differ from the stack's state: see issue {number}.")
    elif logged.code:
        raise logged.failure("refresh")
    else:
        step.summary(f"The clouds match the stack `{origin.stack}`.")
        repository.settle_issue(issue.MARK, f"The clouds match the stack again.\n\n{origin.footer}\n")


@app.command()
def rounds() -> None:
    """Check all nodes as `pnodes status --check` does, and keep one issue open while there are problems."""
    from pnodes.ci import rounds as issue
    from pnodes.ci.github import Repository, Step
    from pnodes.deployed.stack import DeployedStack
    from pnodes.deployed.status import list_problems
    from pnodes.scrubbing import Scrubber

    step, folder = Step(os.environ), project.project_folder()
    origin = _origin(step)
    if not _is_usable(step, folder, Role.DRIFT, origin):
        return
    deployed = DeployedStack.read(origin.stack or None)
    scrubber = Scrubber(deployed.secrets())
    lines = [scrubber.scrub_foreign(line) for line in list_problems(deployed, deployed.nodes.values())]
    repository = Repository(os.environ)
    if lines:
        body = issue.render_body(lines, origin)
        number = repository.put_issue(issue.MARK, f"Rounds: problems in the stack {origin.stack}", body)
        step.summary(body)
        step.notice("warning", f"There are problems with rounds: see issue {number}.")
    else:
        step.summary(f"All nodes of the stack `{origin.stack}` are well.")
        repository.settle_issue(issue.MARK, f"All nodes are well again.\n\n{origin.footer}\n")


def _is_usable(step: "Step", folder: Path, role: Role, origin: "Origin") -> bool:
    """Whether the engine can run; if not, report the reason. Raises UserError if the set-up is incomplete."""
    from pnodes.ci import comment, needs

    if step.from_fork:
        sentence = (
            "This pull request comes from a fork and therefore gets no credentials. nodes.yaml is valid, but there is "
            "no preview of its changes. For a preview, a maintainer can push the branch to this repository."
        )
    elif not os.environ.get("PULUMI_BACKEND_URL"):  # as in a fresh copy of the project
        sentence = f"The workflows are not set up yet and do nothing: {needs.PAGE} explains how to set them up."
    else:
        missing = needs.find_needs(folder, os.environ, role.value).missing
        if not missing:
            return True
        _publish(step, comment.render_missing(missing, needs.PAGE, origin))
        raise UserError("\n".join([*missing, f"{needs.PAGE} explains the set-up."]))
    step.notice("notice", sentence)
    step.summary(sentence)
    return False


def _publish(step: "Step", body: str) -> None:
    """Write to the run's summary, and to the pull request if there is one."""
    from pnodes.ci.github import GitHubRefused, Repository
    from pnodes.plan.markdown import MARK

    step.summary(body)
    number = step.pull_request
    if number is None or step.from_fork:
        return
    try:
        Repository(os.environ).put_comment(number, MARK, body)
    except GitHubRefused as error:
        step.notice("warning", f"The comment could not be written; its text is in the run's summary. {error}.")


def _origin(step: "Step") -> "Origin":
    from pnodes.ci.markdown import Origin

    return Origin(os.environ.get("PULUMI_STACK", ""), step.commit, step.run_url)


def _load_nodes(folder: Path) -> "NodeFile":
    """Read and check nodes.yaml. Raises NodeFileError."""
    from pnodes.ci.needs import stack_name
    from providers.checks import load_checked

    stack = stack_name(os.environ) or "live"
    return load_checked(folder / "nodes.yaml", project.project_name(folder), stack).select(stack)
