"""Each source is built once: existing images are not uploaded or built again, and tokens are not compared."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from providers import cancellation
from providers.images import following
from providers.images.build import ImageBuildProvider
from providers.images.context import BuildContext
from providers.images.following import BuildFailed, BuildLog, Lost, Unanswered
from providers.operations import NoCredentials

DIGEST = "sha256:" + "a" * 64


class Silent(BuildLog):
    """An empty log."""

    def new_lines(self, last: bool = False) -> list[str]:
        return []


class Cloud(ImageBuildProvider):
    """Records the calls and returns prepared answers."""

    poll_seconds = 0.001

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.image: str | None = None
        self.builds: list[str | None] = []
        self.starts: list[Exception] = []
        self.polls: list[str | Exception | None] = []

    def find_digest(self, props: dict[str, Any]) -> str | None:
        return self.image

    def find_build(self, props: dict[str, Any]) -> str | None:
        return self.builds.pop(0) if self.builds else None

    def upload(self, props: dict[str, Any], name: str, archive: Path) -> str:
        self.calls.append(f"upload {name}")
        return name

    def start(self, props: dict[str, Any], source: str, former: str | None) -> str:
        self.calls.append(f"start {source} after {former}")
        if self.starts:
            raise self.starts.pop(0)
        return "build-1"

    def poll(self, props: dict[str, Any], build_id: str) -> str | None:
        self.calls.append(f"poll {build_id}")
        answer = self.polls.pop(0) if self.polls else DIGEST
        if isinstance(answer, Exception):
            raise answer
        return answer

    def cancel(self, props: dict[str, Any], build_id: str) -> None:
        self.calls.append(f"cancel {build_id}")

    def log(self, props: dict[str, Any], build_id: str) -> BuildLog:
        return Silent()

    def delete_old(self, props: dict[str, Any], kept: set[str]) -> None:
        self.calls.append(f"delete-old {sorted(kept)}")


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
    result = builder.create(props)
    source = f"{props['sourceDigest']}.tar.gz"
    assert builder.calls == [f"upload {source}", f"start {source} after None", "poll build-1", f"delete-old {[DIGEST]}"]
    assert result.outs is not None
    assert result.outs["image"] == "registry/alpha@sha256:" + "a" * 64


def test_a_new_token_of_the_deployer_causes_no_build(props: dict[str, Any]) -> None:
    builder = Cloud()
    outputs = builder.create(props).outs
    assert outputs is not None
    assert builder.diff("id", outputs, {**props, "token": "another", "digest": None}).changes is False


@pytest.mark.parametrize("changed", ["sourceDigest", "tag", "repository", "buildArgs"])
def test_inputs_that_affect_the_image_are_compared(props: dict[str, Any], changed: str) -> None:
    assert Cloud().diff("id", props, {**props, changed: "other"}).changes is True


def test_a_build_that_begins_late_in_an_update_gets_a_new_token(
    props: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens: list[str] = []
    cloud = Cloud()

    def find_digest(props: dict[str, Any]) -> str:
        tokens.append(props["token"])
        return DIGEST

    monkeypatch.setattr(cloud, "find_digest", find_digest)
    cloud.configure(ConfigureRequest(Config({}, "p")))
    monkeypatch.setattr(cloud, "request_token", lambda: "new")
    inputs = {**props, "token": "old"}
    assert (cloud.create(inputs).outs or {})["token"] == "old"
    cloud.token_seconds = -1
    assert (cloud.create(inputs).outs or {})["token"] == "old", "a new token must not change the outputs"
    assert tokens == ["old", "new"]

    def refuse() -> str:
        raise NoCredentials("There are no usable credentials.")

    monkeypatch.setattr(cloud, "request_token", refuse)
    cloud.create(inputs)
    assert tokens == ["old", "new", "old"]
    assert "alpha: there is no new token" in capsys.readouterr().out


def test_a_source_that_changes_during_the_update_is_not_built(props: dict[str, Any]) -> None:
    Path("node/new.py").write_text("")
    builder = Cloud()
    with pytest.raises(BuildFailed, match="changed while `up` was running"):
        builder.create(props)
    assert builder.calls == []


def test_keys_in_the_context_are_a_property_error_in_a_preview(props: dict[str, Any]) -> None:
    Path("node/.env").write_text("planted")
    failures = Cloud().check({}, props).failures
    assert [failure.property for failure in failures] == ["context"]
    assert ".dockerignore" in failures[0].reason


def test_an_existing_image_is_used(props: dict[str, Any]) -> None:
    cloud = Cloud()
    cloud.image = DIGEST
    assert (cloud.create(props).outs or {})["digest"] == DIGEST
    assert cloud.calls == [f"delete-old {[DIGEST]}"]


def test_a_running_build_is_followed(props: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    cloud = Cloud()
    cloud.builds = ["build-0"]
    cloud.create(props)
    assert cloud.calls[0] == "poll build-0"
    assert "alpha: following build build-0 of this source, which is already running" in capsys.readouterr().out


def test_a_build_that_ends_while_it_is_looked_for_is_not_repeated(
    props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = Cloud()

    def end(_props: dict[str, Any]) -> None:
        """List the running builds: the last one has just pushed its image and is no longer among them."""
        cloud.image = DIGEST

    monkeypatch.setattr(cloud, "find_build", end)
    assert (cloud.create(props).outs or {})["digest"] == DIGEST
    assert cloud.calls == [f"delete-old {[DIGEST]}"]


def test_layers_of_the_previous_image_are_reused_and_it_is_kept(props: dict[str, Any]) -> None:
    cloud, former = Cloud(), "sha256:" + "b" * 64
    cloud.update("id", {**props, "digest": former, "image": f"registry/alpha@{former}"}, props)
    assert cloud.calls[1].endswith(f" after registry/alpha@{former}")
    assert cloud.calls[-1] == f"delete-old {[DIGEST, former]}"


def test_an_unanswered_start_is_not_repeated_if_the_build_is_running(props: dict[str, Any]) -> None:
    cloud = Cloud()
    cloud.starts, cloud.builds = [Unanswered("POST: HTTP 503")], [None, "build-7"]
    cloud.create(props)
    assert [call.split()[0] for call in cloud.calls] == ["upload", "start", "poll", "delete-old"]
    assert cloud.calls[2] == "poll build-7"


def test_an_unanswered_start_is_not_repeated_if_the_build_has_finished(
    props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud, digests = Cloud(), [None, DIGEST]
    monkeypatch.setattr(cloud, "find_digest", lambda _props: digests.pop(0))
    cloud.starts = [Unanswered("POST: HTTP 503")]
    assert (cloud.create(props).outs or {})["digest"] == DIGEST
    assert [call.split()[0] for call in cloud.calls] == ["upload", "start", "delete-old"]


def test_an_unanswered_start_is_repeated_if_no_build_was_started(props: dict[str, Any]) -> None:
    cloud = Cloud()
    cloud.starts = [Unanswered("POST: HTTP 503"), Unanswered("POST: HTTP 503")]
    cloud.create(props)
    assert [call.split()[0] for call in cloud.calls] == ["upload", "start", "start", "start", "poll", "delete-old"]
    cloud.starts = [Unanswered("POST: HTTP 503")] * 9
    with pytest.raises(BuildFailed, match=r"could not be started: POST: HTTP 503\. Run `pulumi up` again"):
        cloud.create(props)


def test_a_lost_connection_while_polling_does_not_fail_the_build(
    props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = Cloud()
    cloud.polls = [None, Unanswered("reset"), Unanswered("reset"), None, DIGEST]
    cloud.create(props)
    assert cloud.calls.count("poll build-1") == 5
    monkeypatch.setattr(following, "_UNANSWERED_SECONDS", 0.0)
    cloud.polls = [Unanswered("reset")]
    with pytest.raises(Lost, match=r"^the build of alpha continues in the cloud, .* reset.* Run `pulumi up` again"):
        cloud.create(props)


class Clock:
    """Advances by ten seconds with each call."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 10
        return self.now


def test_silence_is_interrupted_by_progress_lines(
    props: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(following, "time", Clock())
    cloud = Cloud()
    cloud.polls = [None] * 9
    cloud.create(props)
    lines = [line for line in capsys.readouterr().out.splitlines() if "has been running for" in line]
    assert len(lines) >= 2
    assert lines[0] == "alpha: the build has been running for 50 s"


def test_a_build_that_takes_too_long_is_stopped(props: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "time", Clock())
    cloud = Cloud()
    cloud.polls = [None] * 999
    with pytest.raises(BuildFailed, match="the build of alpha took longer than 60 minutes"):
        cloud.create(props)
    assert cloud.calls[-1] == "cancel build-1"


@pytest.fixture
def cancelled() -> Iterator[threading.Event]:
    yield cancellation.cancelled
    cancellation.cancelled.clear()


def test_a_cancelled_update_cancels_the_build(props: dict[str, Any], cancelled: threading.Event) -> None:
    cloud = Cloud()
    cloud.polls = [None] * 10

    def poll(props: dict[str, Any], build_id: str) -> None:
        cloud.calls.append("poll")
        cancelled.set()

    cloud.poll = poll  # type: ignore[method-assign]
    with pytest.raises(BuildFailed, match="the build of alpha was cancelled with the update; the next `pulumi up`"):
        cloud.create(props)
    assert cloud.calls[-2:] == ["poll", "cancel build-1"]


def test_a_cancelled_update_starts_nothing(props: dict[str, Any], cancelled: threading.Event) -> None:
    cancelled.set()
    cloud = Cloud()
    with pytest.raises(BuildFailed, match="alpha was not built, since the update was cancelled"):
        cloud.create(props)
    assert cloud.calls == []
