"""Comments and issues on GitHub: one of each, written by us and edited in place; errors are sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pnodes.ci.github import GitHubRefused, Repository, Step
from tests.pnodes.ci.stand_in import BOT, PERSON, TOKEN, Server, StandIn

MARK = "<!-- mark -->"


@pytest.fixture
def github() -> Iterator[StandIn]:
    found = StandIn()
    server = Server(found, "o/r")
    yield found
    server.close()


def repository(github: StandIn, token: str = TOKEN) -> Repository:
    return Repository({"GITHUB_TOKEN": token, "GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": "o/r"}, pause=0.0)


def test_one_comment_is_made_then_edited_wherever_it_stands(github: StandIn) -> None:
    for number in range(3):
        github.add_comment(1, f"{MARK} {number}", PERSON)
    repository(github).put_comment(1, MARK, f"{MARK}\nfirst")
    github.add_comment(1, f"{MARK} again", PERSON)
    repository(github).put_comment(1, MARK, f"{MARK}\nsecond")
    repository(github).put_comment(1, MARK, f"{MARK}\nsecond")
    assert [body for body in github.on(1) if "\n" in body] == [f"{MARK}\nsecond"]
    assert [call.split()[0] for call in github.calls] == ["POST", "PATCH"]


def test_another_pull_request_has_its_own(github: StandIn) -> None:
    repository(github).put_comment(1, MARK, f"{MARK}\none")
    repository(github).put_comment(2, MARK, f"{MARK}\ntwo")
    assert (github.on(1), github.on(2)) == ([f"{MARK}\none"], [f"{MARK}\ntwo"])


def test_one_issue_is_opened_edited_and_closed(github: StandIn) -> None:
    github.add_issue("Mine", f"{MARK} quoted", PERSON)
    github.add_issue("A pull request", f"{MARK} in a pull request", BOT, pull_request={})
    github.add_issue("Older", f"{MARK} of last month", BOT)["state"] = "closed"
    mine = repository(github)
    assert mine.find_open_issue(MARK) is None
    number = mine.put_issue(MARK, "Drift", f"{MARK}\none")
    assert mine.put_issue(MARK, "Drift", f"{MARK}\ntwo") == number == mine.find_open_issue(MARK)
    mine.settle_issue(MARK, "all is well")
    mine.settle_issue(MARK, "not open")
    assert mine.find_open_issue(MARK) is None
    assert github.on(number) == ["all is well"]
    assert github.issues[-1] | {"number": 0} == {
        "number": 0,
        "title": "Drift",
        "body": f"{MARK}\ntwo",
        "user": BOT,
        "state": "closed",
        "state_reason": "completed",
    }


def test_a_passing_fault_is_tried_again_but_nothing_is_written_twice(github: StandIn) -> None:
    github.broken = 2
    assert repository(github).find_open_issue(MARK) is None
    made = repository(github)
    made.put_comment(1, MARK, f"{MARK}\none")
    github.broken = 4
    with pytest.raises(GitHubRefused, match="did not answer GET"):
        made.find_open_issue(MARK)
    github.broken = 1
    with pytest.raises(GitHubRefused, match="did not answer POST"):
        made.comment(1, "x")
    assert len(github.on(1)) == 1


def test_refusals_are_sentences_without_the_token(github: StandIn) -> None:
    github.read_only = True
    with pytest.raises(GitHubRefused, match="HTTP 403 Resource not accessible by integration"):
        repository(github).put_comment(1, MARK, MARK)
    with pytest.raises(GitHubRefused, match="HTTP 401 Bad credentials") as caught:
        repository(github, "another-token").find_open_issue(MARK)
    assert "another-token" not in str(caught.value)
    with pytest.raises(GitHubRefused, match="no GITHUB_TOKEN"):
        repository(github, "")


def test_a_step_reads_its_event_and_writes_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    event = {
        "pull_request": {"number": 5, "head": {"sha": "abc", "repo": None}, "base": {"repo": {"full_name": "o/r"}}}
    }
    (tmp_path / "event").write_text(json.dumps(event))
    environ = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    environ |= {"GITHUB_EVENT_PATH": str(tmp_path / "event"), "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "9"}
    step = Step({**environ, "GITHUB_ACTIONS": "true", "GITHUB_SHA": "merge"})
    assert (step.pull_request, step.from_fork, step.commit) == (5, True, "abc")
    assert step.run_url == "https://github.com/o/r/actions/runs/9"
    step.output(clouds="aws gcp", ready="true")
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "clouds=aws gcp\nready=true\n"
    with pytest.raises(ValueError, match="a single line"):
        step.output(clouds="aws\nready=true")
    step.summary("ä" * 1_000_000)
    assert len((tmp_path / "GITHUB_STEP_SUMMARY").read_bytes()) <= 1_000_002
    step.notice("error", "50%\nmore")
    with step.verbatim():
        print("::error::not a command")
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "::error::50%25%0Amore"
    word = told[1].removeprefix("::stop-commands::")
    assert told[2:] == ["::error::not a command", f"::{word}::"]
    assert Step({}).pull_request is None
    assert not Step({}).from_fork
