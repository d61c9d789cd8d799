"""One build per source: nothing is uploaded or built again for what is there, and tokens are not compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from providers.build import BuildFailed, ImageBuildProvider
from providers.context import BuildContext


class Builder(ImageBuildProvider):
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def upload(self, props: dict[str, Any], name: str, archive: bytes) -> str:
        self.calls.append(f"upload {name}")
        return name

    def start(self, props: dict[str, Any], source: str) -> str:
        self.calls.append(f"start {source}")
        return "build-1"

    def watch(self, props: dict[str, Any], build_id: str) -> str:
        self.calls.append(f"watch {build_id}")
        return "sha256:" + "a" * 64


@pytest.fixture
def props(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "Dockerfile").write_text("FROM scratch\n")
    digest = BuildContext(tmp_path / "node", tmp_path / "node" / "Dockerfile").digest
    return {
        "context": "node",
        "dockerfile": "node/Dockerfile",
        "sourceDigest": digest,
        "tag": digest[:24],
        "repository": "registry/alpha",
        "token": "short-lived",
    }


def test_a_build_uploads_the_context_once_and_gives_the_image_by_digest(props: dict[str, Any]) -> None:
    builder = Builder()
    made = builder.create(props)
    source = f"{props['sourceDigest']}.tar.gz"
    assert builder.calls == [f"upload {source}", f"start {source}", "watch build-1"]
    assert made.outs is not None
    assert made.outs["image"] == "registry/alpha@sha256:" + "a" * 64


def test_the_same_source_needs_nothing_even_when_the_deployers_token_is_new(props: dict[str, Any]) -> None:
    builder = Builder()
    made = builder.create(props).outs
    assert made is not None
    assert builder.diff("id", made, {**props, "token": "another", "digest": None}).changes is False


@pytest.mark.parametrize("changed", ["sourceDigest", "tag", "repository", "buildArgs"])
def test_what_decides_the_image_is_compared(props: dict[str, Any], changed: str) -> None:
    assert Builder().diff("id", props, {**props, changed: "other"}).changes is True


def test_a_source_that_changes_during_the_update_is_not_built_under_the_wrong_name(props: dict[str, Any]) -> None:
    Path("node/new.py").write_text("")
    builder = Builder()
    with pytest.raises(BuildFailed, match="changed while `up` was running"):
        builder.create(props)
    assert builder.calls == []


def test_keys_in_the_context_are_a_property_error_at_plan(props: dict[str, Any]) -> None:
    Path("node/.env").write_text("planted")
    failures = Builder().check({}, props).failures
    assert [failure.property for failure in failures] == ["context"]
    assert ".dockerignore" in failures[0].reason
