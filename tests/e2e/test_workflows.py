"""The steps of the workflow files, in order, with the real engine: the comment, the deployment and a drift."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pnodes.engine.paths import ROOT
from tests.e2e.checkout import check_out, install_packages
from tests.e2e.nodes import node, nodes
from tests.e2e.person import Person
from tests.e2e.webhooks import by_hand
from tests.e2e.world import IDS, SUBMITTING_PREDICT, MakeWorld, World
from tests.pnodes.ci.runner import Given, Result, run
from tests.pnodes.ci.stand_in import PERSON, Server, StandIn
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
PAGE = ROOT / "docs" / "pull-requests.md"
VARIABLES = {
    "PULUMI_STACK": "dev",
    "CHECK_ROUNDS": "true",
    "AWS_PREVIEW_ROLE": "arn:aws:iam::123456789012:role/preview",
    "AWS_DRIFT_ROLE": "arn:aws:iam::123456789012:role/drift",
    "AWS_DEPLOY_ROLE": "arn:aws:iam::123456789012:role/deploy",
    "GCP_WORKLOAD_IDENTITY_PROVIDER": "projects/1/locations/global/workloadIdentityPools/github/providers/github",
    "GCP_PREVIEW_SERVICE_ACCOUNT": "preview@sandbox-project.iam.gserviceaccount.com",
    "GCP_DRIFT_SERVICE_ACCOUNT": "drift@sandbox-project.iam.gserviceaccount.com",
    "GCP_DEPLOY_SERVICE_ACCOUNT": "deploy@sandbox-project.iam.gserviceaccount.com",
}
HEAD = "4f5b9a350d1f6f1b7c015f0c8a316c1e4f5b9a35"


def pull_request(fork: bool = False) -> dict[str, Any]:
    head = {"sha": HEAD, "repo": {"full_name": "stranger/copy" if fork else "someone/prediction-nodes"}}
    return {"pull_request": {"number": 7, "head": head, "base": {"repo": {"full_name": "someone/prediction-nodes"}}}}


class Repository:
    """A GitHub repository with these workflows, whose runs log in to the sandbox.

    With `installed`, they find the Python packages and install none. From then on, the engine attaches to the tests'
    hosts, which fork the program.
    """

    def __init__(self, world: World, github: StandIn, scratch: Path, installed: bool = False) -> None:
        self.world, self.github, self.scratch, self.installed = world, github, scratch, installed
        # The keys are in the stack's settings, not in the environment as in other tests.
        known = world.daemon["numerai"]
        world.cli.run("config", "set", "--secret", "numerai-public-id", stdin=known["public_id"])
        world.cli.run("config", "set", "--secret", "numerai-secret", stdin=known["secret_key"])
        self.keys = {name: world.cli.env.pop(name) for name in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY")}
        # The world's models take the place of the checkout's examples.
        self.tools = check_out(world, world.project)
        if installed:
            install_packages(world.project)

    def run(self, file: str, event: Mapping[str, Any] | None = None, **more: Any) -> Result:
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "PULUMI_", "NUMERAI"))
        }
        env["PATH"] = f"{self.tools}:{env['PATH']}"
        settings = {"variables": {**VARIABLES, "PULUMI_BACKEND_URL": self.world.cli.env["PULUMI_BACKEND_URL"]}}
        settings |= {"secrets": {"PULUMI_CONFIG_PASSPHRASE": "sandbox"}, **more}
        own = dict(self.world.cli.env)
        attached = self.world.hosts.attach(self.world.project, own, "prediction-nodes")
        with attached if self.installed else nullcontext(own) as login:
            return run(
                file,
                Given(
                    folder=self.world.project,
                    scratch=self.scratch,
                    env=env,
                    event=event or {},
                    event_name=file.removesuffix(".yml"),
                    api=self.github.url,
                    action=lambda uses, _inputs: {} if uses.startswith("actions/") else _log_in(login),
                    **settings,
                ),
            )


def _log_in(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables that a login sets, including those for the sandbox's network."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE")
    return {name: value for name, value in environ.items() if name not in kept} | {"NO_PROXY": "127.0.0.1"}


@pytest.fixture
def repository(make_world: MakeWorld, tmp_path: Path) -> Iterator[Callable[..., Repository]]:
    github = StandIn()
    server = Server(github, "someone/prediction-nodes")
    yield lambda text, **more: Repository(make_world(text), github, tmp_path / "runner", **more)
    server.close()


BEFORE = nodes(node("alpha", "aws", extra="size: mem-md"), node("beta", "aws", "signals"))
AFTER = nodes(
    node("alpha", "aws", extra="size: mem-lg"), node("beta", "aws", "signals"), node("gamma", "gcp", "crypto", "second")
)


@pytest.mark.long
def test_a_pull_request_its_merge_and_a_drift(repository: Callable[..., Repository]) -> None:
    mine = repository(BEFORE)
    world, github = mine.world, mine.github
    done = mine.run("deploy.yml")
    mine.installed = True
    assert not done.failed, done.log
    assert "| beta | added:" in done.summary
    assert [uses for uses, _ in done.used] == [
        "actions/checkout",
        "actions/cache",
        "aws-actions/configure-aws-credentials",
    ]
    tokens = [url.split("token=")[1] for url in world.cli.outputs()["webhooks"].values()]

    # A pull request resizes one node and adds another, on a cloud that was not used before.
    github.add_comment(7, "<!-- prediction-nodes preview -->\nquoted by a person", PERSON)
    github.add_comment(7, "Looks good.", PERSON)
    world.model("second")
    world.nodes(AFTER)
    done = mine.run("preview.yml", pull_request())
    assert not done.failed, done.log
    assert [uses for uses, _ in done.used][2:] == [
        "aws-actions/configure-aws-credentials",
        "google-github-actions/auth",
    ]
    assert len(github.on(7)) == 3
    comment = github.on(7)[2]
    assert "1 added, 1 changed (stack `dev`)" in comment
    assert "size: mem-md -> mem-lg" in comment
    assert f"for {HEAD[:7]}" in comment
    assert done.summary.strip() == comment.strip()
    for secret in [*mine.keys.values(), *tokens, "sandbox" * 2]:
        assert secret not in comment + done.log
    check_page(comment)

    # A webhook is changed on numer.ai: this opens one issue, which is kept the next day.
    for _ in range(2):
        by_hand_with(mine, "https://elsewhere.example/hook")
        assert not (done := mine.run("drift.yml")).failed, done.log
    (issue,) = github.issues
    assert issue["title"] == "Drift: the clouds differ from the stack dev"
    assert "| `alpha` | `prediction-nodes:Webhook` | was changed |" in issue["body"]

    # The merge deploys the change and corrects the drift, so the issue is closed.
    assert not (done := mine.run("deploy.yml", inputs={"refresh": True})).failed, done.log
    assert "size: mem-md -> mem-lg" in done.summary
    assert not (done := mine.run("drift.yml")).failed, done.log
    assert len(github.issues) == 1
    assert issue["state"] == "closed"
    assert "The clouds match the stack again" in github.on(issue["number"])[0]

    # The last node leaves AWS: the workflow still logs in, to remove the cluster. The comment is edited in place.
    world.nodes(nodes(node("gamma", "gcp", "crypto", "second")))
    done = mine.run("preview.yml", pull_request())
    assert [uses for uses, _ in done.used][2:] == [
        "google-github-actions/auth",
        "aws-actions/configure-aws-credentials",
    ]
    assert len(github.on(7)) == 3
    assert "2 removed" in github.on(7)[2]
    assert "size:" not in github.on(7)[2]


def by_hand_with(mine: Repository, url: str) -> None:
    mine.world.cli.env.update(mine.keys)
    by_hand(mine.world, IDS["classic"], url)
    for name in mine.keys:
        del mine.world.cli.env[name]


def test_what_cannot_be_previewed_says_why(repository: Callable[..., Repository]) -> None:
    mine = repository(nodes(node("alpha", "aws")), installed=True)
    github = mine.github

    done = mine.run("preview.yml", pull_request(fork=True), variables={}, secrets={})
    assert not done.failed, done.log
    assert "comes from a fork and therefore gets no credentials" in done.summary
    assert (github.comments, github.calls) == ([], [])

    done = mine.run("preview.yml", pull_request(), variables={}, secrets={})
    assert not done.failed, done.log
    assert "not set up yet" in done.summary
    assert github.comments == []

    variables = {"PULUMI_STACK": "dev", "PULUMI_BACKEND_URL": mine.world.cli.env["PULUMI_BACKEND_URL"]}
    done = mine.run("preview.yml", pull_request(), variables=variables, secrets={})
    assert done.failed
    assert "AWS needs the variable AWS_PREVIEW_ROLE, which is not set." in github.on(7)[0]
    assert "the secret PULUMI_CONFIG_PASSPHRASE is not set" in github.on(7)[0]

    done = mine.run("preview.yml", pull_request(), secrets={"PULUMI_CONFIG_PASSPHRASE": "another one"})
    assert done.failed
    assert "incorrect passphrase" in github.on(7)[0]
    assert "Traceback" not in done.log

    mine.world.nodes(nodes(node("alpha", "aws", extra="size: mem-enormous")))
    done = mine.run("preview.yml", pull_request())
    assert done.failed
    assert "nodes.yaml has mistakes" in github.on(7)[0]
    assert "mem-enormous" in github.on(7)[0]
    assert len(github.comments) == 1

    github.read_only = True
    mine.world.nodes(nodes(node("alpha", "aws")))
    done = mine.run("preview.yml", pull_request())
    assert not done.failed, done.log
    assert "::warning::The comment could not be written" in done.log
    assert "1 added" in done.summary

    assert mine.run("deploy.yml", variables={}).log == "skipped"
    assert mine.run("drift.yml", variables={}).log == "skipped"
    without = {"PULUMI_BACKEND_URL": mine.world.cli.env["PULUMI_BACKEND_URL"]}
    assert mine.run("rounds.yml", variables=without).log == "skipped"


def test_an_issue_is_open_while_the_last_round_was_missed(repository: Callable[..., Repository]) -> None:
    mine = repository(nodes(node("alpha", "aws", extra="watch: {after: 1s}")), installed=True)
    world, github = mine.world, mine.github
    world.model("quick", SUBMITTING_PREDICT)
    assert not (done := mine.run("deploy.yml")).failed, done.log
    assert not (done := mine.run("rounds.yml")).failed, done.log
    assert github.issues == []

    def read_outcome() -> str:
        world.control.post("/tick", json={"minute": "2026-11-27T12:05:00Z"}).raise_for_status()
        (round_, *_) = person.json("history", "alpha")["nodes"][0]["rounds"] or [{"outcome": "none"}]
        return str(round_["outcome"])

    person = Person(world)
    missed = world.control.post("/open-round", json={"tournament": "classic", "lost": True, "open_for": 1}).json()
    wait_until(lambda: read_outcome() == "missed", "the watch has not recorded the round", 60)
    for _ in range(2):
        assert not (done := mine.run("rounds.yml")).failed, done.log
    (issue,) = github.issues
    assert issue["title"] == "Rounds: problems in the stack dev"
    assert f"\nalpha: round {missed['round']} was missed: no run was started\n" in issue["body"]

    world.control.post("/open-round", json={"tournament": "classic"})
    world.finished(1)
    wait_until(lambda: read_outcome() == "submitted", "the watch has not recorded the round", 60)
    assert not (done := mine.run("rounds.yml")).failed, done.log
    assert len(github.issues) == 1
    assert issue["state"] == "closed"
    assert "All nodes are well again" in github.on(issue["number"])[0]


def check_page(comment: str) -> None:
    """Check that the page shows this comment; PNODES_REWRITE_PAGES=1 rewrites the page."""
    begin, end = "<!-- the comment -->\n", "<!-- end of the comment -->"
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(begin)
    shown, after = rest.split(end)
    if os.environ.get("PNODES_REWRITE_PAGES"):
        PAGE.write_text(f"{before}{begin}{_shortened(comment)}{end}{after}", encoding="utf-8")
        return
    assert _without_counts(shown) == _without_counts(_shortened(comment)), (
        "the page shows another comment; PNODES_REWRITE_PAGES=1 writes it anew"
    )


def _without_counts(text: str) -> str:
    """Remove the numbers of resources, which change often."""
    return re.sub(r"\d+ to (create|update)", r"some to \1", text)


def _shortened(comment: str) -> str:
    """Remove the mark, and keep only in-place changes of the diff: the order and ids of the others are random."""
    text = comment.split("\n", 1)[1]
    upper, diff = text.split("```\n", 1)
    lines, lower = diff.split("\n```\n", 1)
    shown = [line for line in lines.splitlines() if re.match(r" +~ ", line)]
    return f"{upper}```\n" + "\n".join(["[...]", *shown, "[...]"]) + f"\n```\n{lower}"
