"""Images built with the user's own Docker: rejected folders, advice if Docker is missing, no password in a preview."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest

from docs.generate.recorder import DOCKER_IMAGE
from providers.images import context, local_build
from tests.providers.aws.program import Program

NODE = "nodes: {alpha: {model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01, cloud: aws, source: m, build: {docker: true}}}\n"
ROOT = Path(__file__).resolve().parents[3]


def test_a_folder_with_keys_is_rejected_and_the_node_named(program: Callable[..., Program]) -> None:
    Path("m/.env").write_text("planted")
    with pytest.raises(pulumi.RunError, match=r"alpha: m/\.env would be sent .* Add \.env to m/\.dockerignore"):
        program(NODE)


def test_a_folder_of_any_size_can_be_built(program: Callable[..., Program], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "MAX_CONTEXT_BYTES", 0)
    assert program(NODE).find(DOCKER_IMAGE, "alpha").name == "alpha"


def test_the_label_changes_with_the_source(program: Callable[..., Program]) -> None:
    labels = []
    for text in ("1", "1", "2"):
        Path("m/predict.py").write_text(text)
        labels.append(program(NODE).find(DOCKER_IMAGE, "alpha").inputs["labels"][local_build.SOURCE_LABEL])
    assert labels[0] == labels[1] != labels[2]


def test_a_preview_requests_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)

    def ask() -> pulumi.Output[str]:
        raise AssertionError("a preview requested a password")

    assert local_build.at_up(ask) is not None


# Messages of the provider (0.0.22) without Docker, with a broken Docker, and for a broken Dockerfile.
NO_API = "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct"
NO_DOCKER = [
    f"creating builder: failed to initialize builder keen_mahavira (keen_mahavira0): {NO_API}",
    "booting builder: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is it running?",
    "loading nodes: failed to find driver",
    "buildkit is not supported on this host",
]
OTHERS = [
    'failed to solve: process "/bin/sh -c start the daemon" did not complete successfully: exit code: 1',
    "failed to solve: failed to push r/alpha: unexpected status from HEAD request to https://r/v2/: 401 Unauthorized",
]


@pytest.mark.parametrize(("error", "explained"), [*((e, True) for e in NO_DOCKER), *((e, False) for e in OTHERS)])
def test_only_a_missing_docker_is_explained(error: str, explained: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", messages.append)
    failed = pulumi.ErrorHookArgs("urn", "", "alpha", DOCKER_IMAGE, failed_operation="create", errors=[error])
    assert local_build.explain(failed) is False
    assert [("alpha" in text, "Start Docker" in text, "remove `docker: true`" in text) for text in messages] == (
        [(True, True, True)] if explained else []
    )


def test_the_providers_package_is_imported_only_if_needed() -> None:
    loads = "import sys, providers.aws.image, providers.gcp.image, providers.azure.image; "
    check = f"{loads}sys.exit('pulumi_docker_build' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0
