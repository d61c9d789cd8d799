"""`pnodes ci`: the steps of the workflows in .github/workflows/. They find what they need in a step's environment."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pnodes import project
from pnodes.errors import UserError

if TYPE_CHECKING:
    from nodefile.parse import NodeFile
    from pnodes.ci.github import Step
    from pnodes.ci.markdown import Told
    from pnodes.plan.preview import Plan
    from pnodes.pulumi import Logged

app = typer.Typer(help="The steps of the workflows in .github/workflows.", no_args_is_help=True)
Minutes = Annotated[float, typer.Option(help="How long a run of a node takes, for the cost.")]


class Role(StrEnum):
    """As whom the clouds are used: its name stands in the repository's variables."""

    PREVIEW = "PREVIEW"
    DRIFT = "DRIFT"
    DEPLOY = "DEPLOY"


RoleOption = Annotated[Role, typer.Option(help="As whom: the role stands in the names of the repository's variables.")]


@app.command()
def check(role: RoleOption) -> None:
    """Outputs of the step: `ready` (true or false), and `clouds` to log in to."""
    from pnodes.ci import needs
    from pnodes.ci.github import here

    step = here()
    found = needs.find(project.project_folder(), os.environ, role.value)
    ready = not found.missing and not step.from_fork
    step.output(ready=str(ready).lower(), clouds=" ".join(found.clouds) if ready else "")
    print(f"clouds to log in to: {', '.join(found.clouds) or 'none'}")
    for sentence in found.missing:
        print(sentence)


@app.command()
def deployed(role: RoleOption) -> None:
    """Output of the step: `clouds` that still hold nodes although nodes.yaml does not name them any more."""
    from pnodes.ci import engine_log, needs
    from pnodes.ci.github import here
    from pnodes.pulumi import Pulumi

    folder = project.project_folder()
    state = engine_log.ask(Pulumi.find(folder), "stack", "export")
    known = needs.find(folder, os.environ, role.value).clouds
    more = sorted(needs.of_state(state) - set(known))
    here().output(clouds=" ".join(more))
    print(f"further clouds that hold nodes: {', '.join(more) or 'none'}")


@app.command()
def preview(minutes: Minutes = 10.0) -> None:
    """Preview a pull request, and say in one comment on it what would change."""
    from nodefile import NodeFileError
    from nodefile.settings import dump_settings
    from pnodes.ci import comment, engine_log
    from pnodes.ci.github import here
    from pnodes.plan.summary import summarise
    from pnodes.pulumi import Pulumi

    step, folder = here(), project.project_folder()
    told = _told(step)
    try:
        wanted = dump_settings(_checked(folder))
    except NodeFileError as error:
        _say(step, comment.mistakes(str(error), told))
        raise UserError(f"nodes.yaml has mistakes:\n{error}", 2) from None
    if not _usable(step, folder, Role.PREVIEW, told):
        return
    pulumi = Pulumi.find(folder)
    scrubber = engine_log.known_secrets(pulumi)
    done = engine_log.run(pulumi, step, scrubber, "preview", "--diff")
    if done.code:
        _say(step, scrubber.scrub(comment.failure(done.text, told)))
        raise done.failure("preview")
    summary = summarise(_plan(done), wanted, minutes)
    _say(step, scrubber.scrub(comment.changes(summary, done.text, told)))


@app.command()
def up(
    minutes: Minutes = 10.0,
    refresh: Annotated[
        bool, typer.Option("--refresh/--no-refresh", help="First take over what the clouds really have.")
    ] = False,
) -> None:
    """Make it so: `pulumi up`, with what changed in the run's summary."""
    from nodefile import NodeFileError
    from nodefile.settings import dump_settings
    from pnodes.ci import engine_log
    from pnodes.ci.github import here
    from pnodes.plan.markdown import render
    from pnodes.plan.summary import summarise
    from pnodes.pulumi import Pulumi

    step, folder = here(), project.project_folder()
    told = _told(step)
    if not _usable(step, folder, Role.DEPLOY, told):
        return
    try:
        wanted = dump_settings(_checked(folder))
    except NodeFileError as error:
        raise UserError(f"nodes.yaml has mistakes, so nothing was touched:\n{error}", 2) from None
    pulumi = Pulumi.find(folder)
    scrubber = engine_log.known_secrets(pulumi)
    options = ["--refresh"] if refresh else []
    done = engine_log.run(pulumi, step, scrubber, "up", "--yes", "--skip-preview", *options)
    text = render(summarise(_plan(done), wanted, minutes), told.stack)
    if done.code:
        step.summary(f"**`pulumi up` failed** with exit code {done.code}; the log says why.\n")
        raise done.failure("up")
    step.summary(scrubber.scrub(f"{text}\n{told.footer}\n"))


@app.command()
def drift() -> None:
    """Compare the clouds with the state; one issue while they differ. Changes nothing in the clouds."""
    from pnodes.ci import drift as issue
    from pnodes.ci import engine_log
    from pnodes.ci.github import Repository, here
    from pnodes.pulumi import Pulumi

    step, folder = here(), project.project_folder()
    told = _told(step)
    if not _usable(step, folder, Role.DRIFT, told):
        return
    pulumi = Pulumi.find(folder)
    scrubber = engine_log.known_secrets(pulumi)
    done = engine_log.run(pulumi, step, scrubber, "refresh", "--preview-only", "--expect-no-changes", "--diff")
    if done.locked:
        step.notice("notice", "An update of the stack is running, so nothing was compared. The next check will.")
        return
    repository = Repository(os.environ)
    if done.changes:
        body = scrubber.scrub(issue.body(issue.find(done.events), done.text, told))
        number = repository.put_issue(issue.MARK, issue.title(told.stack), body)
        step.summary(body)
        step.notice("warning", f"The clouds are not as the stack has them: issue {number} says what differs.")
    elif done.code:
        raise done.failure("refresh")
    else:
        step.summary(f"Nothing differs from the stack `{told.stack}`.")
        number_open = repository.open_issue(issue.MARK)
        if number_open is not None:
            repository.comment(number_open, issue.gone(told))
            repository.close_issue(number_open)


def _usable(step: "Step", folder: Path, role: Role, told: "Told") -> bool:
    """Whether the engine can be run; where not, it is said why. Raises UserError where that is a mistake."""
    from pnodes.ci import comment, needs

    if step.from_fork:
        sentence = (
            "This pull request comes from a fork, which gets no credentials: nodes.yaml is right, and what it would "
            "change is not previewed. A maintainer can push the branch to this repository for that."
        )
    elif not needs.set_up(os.environ):
        sentence = f"The workflows are not set up yet: {needs.PAGE} tells how. Until then they do nothing."
    else:
        missing = needs.find(folder, os.environ, role.value).missing
        if not missing:
            return True
        _say(step, comment.not_set_up(missing, needs.PAGE, told))
        raise UserError("\n".join([*missing, f"{needs.PAGE} tells how to set it up."]))
    step.notice("notice", sentence)
    step.summary(sentence)
    return False


def _say(step: "Step", body: str) -> None:
    """To the run's summary, and to the pull request where there is one."""
    from pnodes.ci.github import GitHubRefused, Repository
    from pnodes.plan.markdown import MARK

    step.summary(body)
    number = step.pull_request
    if number is None or step.from_fork:
        return
    try:
        Repository(os.environ).put_comment(number, MARK, body)
    except GitHubRefused as error:
        step.notice("warning", f"The comment could not be written; the run's summary has it. {error}.")


def _told(step: "Step") -> "Told":
    from pnodes.ci.markdown import Told

    return Told(os.environ.get("PULUMI_STACK", ""), step.commit, step.run_url)


def _plan(done: "Logged") -> "Plan":
    from pnodes.plan.preview import read_events

    return read_events(done.events)


def _checked(folder: Path) -> "NodeFile":
    """Raises NodeFileError."""
    from pnodes.ci.needs import stack_name
    from providers.checks import load_checked

    return load_checked(folder / "nodes.yaml", project.project_name(folder), stack_name(os.environ) or "live")
