"""The product's image build against the simulated registry: upload, run, log, digest."""

from __future__ import annotations

import base64
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from providers.azure import blobs, repositories
from providers.azure.image import AcrBuildProvider
from providers.azure.repositories import DockerImagesProvider
from providers.dynamic import load_provider
from providers.images.build import image_tag
from providers.images.context import BuildContext
from providers.images.following import BuildFailed, Lost
from sandbox.azure import entra
from sandbox.azure.cloud import TENANT
from sandbox.azure.registry import REGISTRY, Tasks
from sandbox.cloud import Resource
from tests.sandbox.azure.cloud import GROUP, Azure
from tests.sandbox.builds import hold_builds, lose_first_answers

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


def named(node: str, props: dict[str, Any]) -> dict[str, str]:
    """Return the inputs that identify the node and stack of a build."""
    return {"node": node, "repository": f"{props['repository'].rpartition('/')[0]}/{node}"}


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
    assert azure.cloud.kernel.images.tags(repository) == {image_tag(props): digest}
    assert f"alpha: built {outputs['image']}" in capsys.readouterr().out


def test_a_build_is_docker_s_own_with_buildkit_and_begins_with_the_layers_of_the_image_before(
    azure: Azure, provider: AcrBuildProvider, props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    schedule = Tasks._schedule

    def seen(self: Tasks, registry: Resource, request: dict[str, Any]) -> dict[str, Any]:
        sent.append(yaml.safe_load(base64.b64decode(request["encodedTaskContent"])))
        return schedule(self, registry, request)

    monkeypatch.setattr(Tasks, "_schedule", seen)
    first = provider.create(props).outs
    assert first is not None
    provider.update("", first, props | {"arguments": {"MODEL_ID": "other"}})
    commands = [shlex.split(task["steps"][0]["cmd"]) for task in sent]
    assert not [task for task in sent if "DOCKER_BUILDKIT=1" not in task["steps"][0]["env"]]
    assert not [command for command in commands if "BUILDKIT_INLINE_CACHE=1" not in command]
    assert "--cache-from" not in commands[0]
    assert commands[1][commands[1].index("--cache-from") + 1] == first["image"]


def test_names_and_arguments_reach_docker_as_they_are(
    azure: Azure, provider: AcrBuildProvider, props: dict[str, Any]
) -> None:
    context = Path(props["context"])
    odd = context / "a {{.Run.ID}} $HOME 'b'"
    odd.mkdir()
    (context / "Dockerfile").rename(odd / "Dockerfile")
    props |= {"dockerfile": str(odd / "Dockerfile"), "arguments": {"MODEL_ID": "{{ $(id) }} \"'"}}
    props["sourceDigest"] = BuildContext(context, odd / "Dockerfile").digest
    outputs = provider.create(props).outs
    assert outputs is not None
    image = azure.cloud.kernel.images.get(*outputs["image"].split("@"))
    assert image is not None
    assert image.env["MODEL_ID"] == "{{ $(id) }} \"'"


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


def test_lost_answers_are_asked_for_again_and_start_one_build(
    azure: Azure, provider: AcrBuildProvider, props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)
    provider.create(props | named("before", props))
    lost = lose_first_answers(azure.cloud)
    assert (provider.create(props).outs or {})["digest"]
    assert len(lost) >= 4
    assert len(azure.cloud.kernel.store.all("azure:acr-runs")) == 2


def test_a_cancelled_build_ends_in_the_cloud_and_makes_no_image(
    azure: Azure, provider: AcrBuildProvider, props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = hold_builds(azure.cloud, monkeypatch)
    build = provider.start(props, provider._upload_context(props), None)
    assert provider.poll(props, build) is None
    provider.cancel(props, build)
    with pytest.raises(BuildFailed, match="canceled"):
        provider.poll(props, build)
    gate.set()
    assert provider.find_digest(props) is None


def test_a_large_source_goes_up_in_blocks(
    azure: Azure, provider: AcrBuildProvider, props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "_BLOCK_BYTES", 100)
    assert (provider.create(props).outs or {})["digest"]


def test_a_token_that_ends_during_a_build_leaves_it_running(provider: AcrBuildProvider, props: dict[str, Any]) -> None:
    with pytest.raises(Lost, match=r"continues in the cloud, .* valid for about an hour.* Run `pulumi up` again"):
        provider.poll(props | {"token": "old"}, "ca1")


def test_a_deleted_registry_takes_its_images_along(
    azure: Azure, registry: Resource, provider: AcrBuildProvider, props: dict[str, Any]
) -> None:
    outputs = provider.create(props).outs
    assert outputs is not None
    azure.remove(registry)
    assert azure.cloud.kernel.images.get(*outputs["image"].split("@")) is None


def built(provider: AcrBuildProvider, props: dict[str, Any], text: str) -> str:
    """Build an image from another source; return its digest."""
    dockerfile = Path(props["dockerfile"])
    (dockerfile.parent / "predict.py").write_text(text)
    digest = BuildContext(dockerfile.parent, dockerfile).digest
    outputs = provider.create(props | {"sourceDigest": digest, "tag": digest[:24]}).outs
    assert outputs is not None
    return str(outputs["digest"])


def test_a_few_images_of_a_node_stay(
    azure: Azure, provider: AcrBuildProvider, props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repositories, "KEEP", 2)
    digests = [built(provider, props, f"print({number})\n") for number in range(3)]
    images = azure.cloud.kernel.images
    assert [images.get(props["repository"], digest) is not None for digest in digests] == [False, True, True]
    assert built(provider, props, "print(1)\n") == digests[1]
    assert images.get(props["repository"], digests[1]) is not None


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": entra.CLIENT_ID, "AZURE_CLIENT_SECRET": entra.CLIENT_SECRET}
    for name, value in known.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("credentials")
def test_a_node_that_leaves_takes_its_images_along(
    azure: Azure,
    registry: Resource,
    provider: AcrBuildProvider,
    props: dict[str, Any],
    capfd: pytest.CaptureFixture[str],
) -> None:
    digests = {node: built(provider, props | named(node, props), f"print('{node}')\n") for node in ("alpha", "beta")}
    server, images = registry["loginServer"], azure.cloud.kernel.images
    provider.delete("", props | named("never-built", props))
    DockerImagesProvider().delete("", {"server": server, "node": "beta"})
    assert images.get(f"{server}/beta", digests["beta"]) is not None, "its images have tags"
    provider.delete("", props | named("beta", props))
    assert images.get(f"{server}/beta", digests["beta"]) is None
    assert images.get(f"{server}/alpha", digests["alpha"]) is not None
    assert "not deleted" not in capfd.readouterr().out


def test_docker_s_images_are_replaced_in_another_registry() -> None:
    tidy, here = DockerImagesProvider(), {"server": "here.azurecr.io", "node": "alpha"}
    assert tidy.create(here).outs == here, "nothing secret is stored"
    assert not tidy.diff("", here, here).changes
    assert tidy.diff("", here, {**here, "server": "there.azurecr.io"}).replaces == ["server"]


@pytest.mark.usefixtures("deployer", "credentials")
def test_images_that_cannot_be_deleted_do_not_stop_the_update(
    azure: Azure, registry: Resource, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    images = {"server": registry["loginServer"], "node": "alpha"}
    monkeypatch.setattr(azure.cloud.access, "is_allowed", lambda *_: False)
    DockerImagesProvider().delete("", images)
    assert "HTTP 403" in (printed := capfd.readouterr().out)
    assert "AcrDelete" in printed
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    DockerImagesProvider().delete("", images)
    assert "az login" in capfd.readouterr().out


def test_the_list_of_nodes_in_older_stacks_deletes_nothing(azure: Azure, registry: Resource) -> None:
    load_provider("azure-repositories").delete("", {"server": registry["loginServer"], "nodes": ["alpha"]})
