"""One build per source: nothing is uploaded or built again for what is there, and tokens are not compared."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from providers import cancellation
from providers.images import following
from providers.images.build import ImageBuildProvider
from providers.images.context import BuildContext
from providers.images.following import BuildFailed, BuildLog, Lost, Unanswered

DIGEST = "sha256:" + "a" * 64


class Silent(BuildLog):
    """A log without a line."""

    def new_lines(self, last: bool = False) -> list[str]:
        return []


class Cloud(ImageBuildProvider):
    """Counts what it is asked for, and answers as told."""

    poll_seconds = 0.001

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.there: str | None = None
        self.under_way: list[str | None] = []
        self.starts: list[Exception] = []
        self.looks: list[str | Exception | None] = []

    def find(self, props: dict[str, Any]) -> str | None:
        return self.there

    def running(self, props: dict[str, Any]) -> str | None:
        return self.under_way.pop(0) if self.under_way else None

    def upload(self, props: dict[str, Any], name: str, archive: Path) -> str:
        self.calls.append(f"upload {name}")
        return name

    def start(self, props: dict[str, Any], source: str, former: str | None) -> str:
        self.calls.append(f"start {source} after {former}")
        if self.starts:
            raise self.starts.pop(0)
        return "build-1"

    def look(self, props: dict[str, Any], build_id: str) -> str | None:
        self.calls.append(f"look {build_id}")
        found = self.looks.pop(0) if self.looks else DIGEST
        if isinstance(found, Exception):
            raise found
        return found

    def cancel(self, props: dict[str, Any], build_id: str) -> None:
        self.calls.append(f"cancel {build_id}")

    def log(self, props: dict[str, Any], build_id: str) -> BuildLog:
        return Silent()

    def tidy(self, props: dict[str, Any], kept: set[str]) -> None:
        self.calls.append(f"tidy {sorted(kept)}")


@pytest.fixture
def props(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "Dockerfile").write_text("FROM scratch\n")
    digest = BuildContext(tmp_path / "node", tmp_path / "node" / "Dockerfile").digest
    return {
        "node": "alpha",
        "platform": "linux/amd64",
        "arguments": {"SRC_PATH": "."},
        "context": "node",
        "dockerfile": "node/Dockerfile",
        "sourceDigest": digest,
        "tag": digest[:24],
        "repository": "registry/alpha",
        "token": "short-lived",
    }


def test_a_build_uploads_the_context_once_and_gives_the_image_by_digest(props: dict[str, Any]) -> None:
    builder = Cloud()
    made = builder.create(props)
    source = f"{props['sourceDigest']}.tar.gz"
    assert builder.calls == [f"upload {source}", f"start {source} after None", "look build-1", f"tidy {[DIGEST]}"]
    assert made.outs is not None
    assert made.outs["image"] == "registry/alpha@sha256:" + "a" * 64


def test_the_same_source_needs_nothing_even_when_the_deployers_token_is_new(props: dict[str, Any]) -> None:
    builder = Cloud()
    made = builder.create(props).outs
    assert made is not None
    assert builder.diff("id", made, {**props, "token": "another", "digest": None}).changes is False


@pytest.mark.parametrize("changed", ["sourceDigest", "tag", "repository", "buildArgs"])
def test_what_decides_the_image_is_compared(props: dict[str, Any], changed: str) -> None:
    assert Cloud().diff("id", props, {**props, changed: "other"}).changes is True


def test_a_source_that_changes_during_the_update_is_not_built_under_the_wrong_name(props: dict[str, Any]) -> None:
    Path("node/new.py").write_text("")
    builder = Cloud()
    with pytest.raises(BuildFailed, match="changed while `up` was running"):
        builder.create(props)
    assert builder.calls == []


def test_keys_in_the_context_are_a_property_error_at_plan(props: dict[str, Any]) -> None:
    Path("node/.env").write_text("planted")
    failures = Cloud().check({}, props).failures
    assert [failure.property for failure in failures] == ["context"]
    assert ".dockerignore" in failures[0].reason


def test_an_image_that_is_there_is_taken(props: dict[str, Any]) -> None:
    cloud = Cloud()
    cloud.there = DIGEST
    assert (cloud.create(props).outs or {})["digest"] == DIGEST
    assert cloud.calls == [f"tidy {[DIGEST]}"]


def test_a_build_that_runs_already_is_followed(props: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    cloud = Cloud()
    cloud.under_way = ["build-0"]
    cloud.create(props)
    assert cloud.calls[0] == "look build-0"
    assert "alpha: build build-0 of this source runs already and is followed" in capsys.readouterr().out


def test_layers_come_from_the_image_before_which_is_kept(props: dict[str, Any]) -> None:
    cloud, former = Cloud(), "sha256:" + "b" * 64
    cloud.update("id", {**props, "digest": former, "image": f"registry/alpha@{former}"}, props)
    assert cloud.calls[1].endswith(f" after registry/alpha@{former}")
    assert cloud.calls[-1] == f"tidy {[DIGEST, former]}"


def test_a_start_without_an_answer_is_not_repeated_when_it_happened(props: dict[str, Any]) -> None:
    cloud = Cloud()
    cloud.starts, cloud.under_way = [Unanswered("POST: HTTP 503")], [None, "build-7"]
    cloud.create(props)
    assert [call.split()[0] for call in cloud.calls] == ["upload", "start", "look", "tidy"]
    assert cloud.calls[2] == "look build-7"


def test_a_start_without_an_answer_may_even_be_done(props: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    cloud, found = Cloud(), [None, DIGEST]
    monkeypatch.setattr(cloud, "find", lambda _props: found.pop(0))
    cloud.starts = [Unanswered("POST: HTTP 503")]
    assert (cloud.create(props).outs or {})["digest"] == DIGEST
    assert [call.split()[0] for call in cloud.calls] == ["upload", "start", "tidy"]


def test_a_start_without_an_answer_is_repeated_when_it_did_not(props: dict[str, Any]) -> None:
    cloud = Cloud()
    cloud.starts = [Unanswered("POST: HTTP 503"), Unanswered("POST: HTTP 503")]
    cloud.create(props)
    assert [call.split()[0] for call in cloud.calls] == ["upload", "start", "start", "start", "look", "tidy"]
    cloud.starts = [Unanswered("POST: HTTP 503")] * 9
    with pytest.raises(BuildFailed, match=r"could not be started: POST: HTTP 503\. Run `pulumi up` again"):
        cloud.create(props)


def test_a_lost_connection_while_looking_fails_nothing(props: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud()
    cloud.looks = [None, Unanswered("reset"), Unanswered("reset"), None, DIGEST]
    cloud.create(props)
    assert cloud.calls.count("look build-1") == 5
    monkeypatch.setattr(following, "_UNANSWERED_SECONDS", 0.0)
    cloud.looks = [Unanswered("reset")]
    with pytest.raises(Lost, match=r"^the build of alpha goes on in the cloud, .* reset.* Run `pulumi up` again"):
        cloud.create(props)


class Clock:
    """Time that passes with each look at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 10
        return self.now


def test_silence_is_bridged(
    props: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(following, "time", Clock())
    cloud = Cloud()
    cloud.looks = [None] * 9
    cloud.create(props)
    said = [line for line in capsys.readouterr().out.splitlines() if "has been running for" in line]
    assert len(said) >= 2
    assert said[0] == "alpha: the build has been running for 50 s"


def test_a_build_without_an_end_is_stopped(props: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "time", Clock())
    cloud = Cloud()
    cloud.looks = [None] * 999
    with pytest.raises(BuildFailed, match="the build of alpha took longer than 60 minutes"):
        cloud.create(props)
    assert cloud.calls[-1] == "cancel build-1"


@pytest.fixture
def cancelled() -> Iterator[threading.Event]:
    yield cancellation.cancelled
    cancellation.cancelled.clear()


def test_a_cancelled_update_cancels_the_build(props: dict[str, Any], cancelled: threading.Event) -> None:
    cloud = Cloud()
    cloud.looks = [None] * 10

    def look(props: dict[str, Any], build_id: str) -> None:
        cloud.calls.append("look")
        cancelled.set()

    cloud.look = look  # type: ignore[method-assign]
    with pytest.raises(BuildFailed, match="the build of alpha was cancelled with the update; the next `pulumi up`"):
        cloud.create(props)
    assert cloud.calls[-2:] == ["look", "cancel build-1"]


def test_a_cancelled_update_starts_nothing(props: dict[str, Any], cancelled: threading.Event) -> None:
    cancelled.set()
    cloud = Cloud()
    with pytest.raises(BuildFailed, match="alpha was not built, since the update was cancelled"):
        cloud.create(props)
    assert cloud.calls == []
