"""The product's own image build against the stood-in registry: upload, run, log, digest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from providers.azure.image import AcrBuildProvider
from providers.build import BuildFailed
from providers.context import BuildContext
from sandbox.azure.registry import REGISTRY
from sandbox.cloud import Resource
from tests.sandbox.azure.conftest import GROUP, Azure

DOCKERFILE = 'FROM python:3.12-slim\nARG MODEL_ID\nENV MODEL_ID=$MODEL_ID\nCOPY . .\nCMD ["python", "predict.py"]\n'


@pytest.fixture
def registry(azure: Azure) -> Resource:
    return azure.make(REGISTRY, "images", resourceGroupName=GROUP, location="eastus", sku={"name": "Basic"})


@pytest.fixture
def props(azure: Azure, registry: Resource, deployer: str, tmp_path: Path) -> dict[str, Any]:
    context = tmp_path / "model"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / "predict.py").write_text("print('hello')\n")
    digest = BuildContext(context, context / "Dockerfile").digest
    return {
        "node": "alpha",
        "sourceDigest": digest,
        "tag": digest[:24],
        "context": str(context),
        "dockerfile": str(context / "Dockerfile"),
        "platform": "linux/amd64",
        "repository": f"{registry['loginServer']}/alpha",
        "registryId": registry.id,
        "arguments": {"MODEL_ID": "m", "SRC_PATH": "."},
        "token": deployer,
    }


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> AcrBuildProvider:
    monkeypatch.setattr(AcrBuildProvider, "poll_seconds", 0.05)
    return AcrBuildProvider()


def test_an_image_is_built_logged_and_named_by_digest(
    azure: Azure, provider: AcrBuildProvider, props: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = provider.create(props).outs
    assert outputs is not None
    repository, digest = outputs["image"].split("@")
    image = azure.cloud.kernel.images.get(repository, digest)
    assert image is not None
    assert image.command == ["python", "predict.py"]
    assert image.env["MODEL_ID"] == "m"
    assert azure.cloud.kernel.images.tags(repository) == {props["tag"]: digest}
    assert f"alpha: built {outputs['image']}" in capsys.readouterr().out


def test_a_build_that_fails_says_why_with_the_log_s_end(provider: AcrBuildProvider, props: dict[str, Any]) -> None:
    dockerfile = Path(props["dockerfile"])
    dockerfile.write_text(DOCKERFILE.replace("COPY . .", "COPY missing.txt ."))
    props["sourceDigest"] = BuildContext(dockerfile.parent, dockerfile).digest
    with pytest.raises(BuildFailed, match=r"(?s)the build of alpha ended: .*missing.txt.*failed:"):
        provider.create(props)


def test_who_may_not_build_is_told_so(azure: Azure, provider: AcrBuildProvider, props: dict[str, Any]) -> None:
    props["token"] = azure.token(azure.identity("stranger"))
    with pytest.raises(BuildFailed, match="HTTP 403 AuthorizationFailed"):
        provider.create(props)


def test_a_deleted_registry_takes_its_images_along(
    azure: Azure, registry: Resource, provider: AcrBuildProvider, props: dict[str, Any]
) -> None:
    outputs = provider.create(props).outs
    assert outputs is not None
    azure.remove(registry)
    assert azure.cloud.kernel.images.get(*outputs["image"].split("@")) is None
