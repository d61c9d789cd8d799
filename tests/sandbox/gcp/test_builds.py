"""The product's image build against the simulated Cloud Build: upload, build, log, digest, permissions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from providers.gcp import build_api, image, repositories, roles
from providers.gcp.image import CloudBuildProvider
from providers.gcp.repositories import DockerImagesProvider
from providers.images.context import BuildContext
from providers.images.following import BuildFailed, Lost
from sandbox.calls import Call, Reply, reply, serve
from sandbox.cloud import Resource
from sandbox.gcp import handlers
from sandbox.gcp.handlers import REPOSITORY
from tests.sandbox.builds import hold_builds, lose_first_answers
from tests.sandbox.gcp.cloud import PROJECT_MEMBER, REGION, REPOSITORY_MEMBER, Google

DOCKERFILE = 'FROM python:3.12-slim\nARG MODEL_ID\nENV MODEL_ID=$MODEL_ID\nCOPY . .\nCMD ["python", "predict.py"]\n'
RIGHTS = ["logging.logEntries.create", "storage.objects.get", "artifactregistry.repositories.uploadArtifacts"]


@pytest.fixture
def grants(google: Google) -> dict[str, Resource]:
    google.bucket("cluster-1")
    google.repository("nodes", immutable=True)
    builder, project = google.account("builder"), google.cloud.project
    condition = roles.build_sources_condition(["cluster-1/objects/source/images/"])
    return {
        "logging.logEntries.create": google.grant(PROJECT_MEMBER, builder, "roles/logging.logWriter", project=project),
        "storage.objects.get": google.grant(
            PROJECT_MEMBER, builder, "roles/storage.objectViewer", condition, project=project
        ),
        "artifactregistry.repositories.uploadArtifacts": google.grant(
            REPOSITORY_MEMBER, builder, "roles/artifactregistry.writer", location=REGION, repository="nodes"
        ),
    }


@pytest.fixture
def props(google: Google, grants: dict[str, Resource], deployer: str, tmp_path: Path) -> dict[str, Any]:
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
        "repository": f"{REGION}-docker.pkg.dev/{google.cloud.project}/nodes/alpha",
        "bucket": "cluster-1",
        "project": google.cloud.project,
        "region": REGION,
        "builder": f"builder-account@{google.cloud.project}.iam.gserviceaccount.com",
        "arguments": {"MODEL_ID": "m", "SRC_PATH": "."},
        "token": deployer,
    }


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> CloudBuildProvider:
    monkeypatch.setattr(CloudBuildProvider, "poll_seconds", 0.05)
    monkeypatch.setattr(build_api.CloudLog, "lag_seconds", 0.1)
    monkeypatch.setattr(repositories, "_POLL_SECONDS", 0.01)
    return CloudBuildProvider()


def test_an_image_is_built_logged_and_named_by_digest(
    google: Google, provider: CloudBuildProvider, props: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = provider.create(props).outs
    assert outputs is not None
    repository, digest = outputs["image"].split("@")
    built = google.cloud.kernel.images.get(repository, digest)
    assert built is not None
    assert (repository, built.command, built.env["MODEL_ID"]) == (props["repository"], ["python", "predict.py"], "m")
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if "FROM python:3.12-slim" in line], printed
    assert not [line for line in printed if not line.startswith("alpha: ")]
    assert len(printed) == len(set(printed))


def test_the_same_source_is_built_once_and_with_other_arguments_again(
    google: Google, provider: CloudBuildProvider, props: dict[str, Any]
) -> None:
    first = provider.create(props).outs
    again = provider.create(props | {"arguments": {"MODEL_ID": "other"}}).outs
    assert first is not None
    assert again is not None
    assert first["digest"] != again["digest"]
    assert (provider.create(props).outs or {})["digest"] == first["digest"]
    tags = google.cloud.kernel.images.tags(props["repository"])
    assert len(tags) == len(google.cloud.kernel.store.all("gcp:builds")) == 2
    assert not [tag for tag in tags if not tag.startswith(f"{props['tag']}-")]


def test_layers_come_from_the_image_before(google: Google, provider: CloudBuildProvider, props: dict[str, Any]) -> None:
    first = provider.create(props).outs
    assert first is not None
    provider.update("", first, props | {"arguments": {"MODEL_ID": "other"}})
    builds = google.cloud.kernel.store.all("gcp:builds").values()
    steps = [build["steps"][0]["args"] for build in builds]
    assert not [step for step in steps if "BUILDKIT_INLINE_CACHE=1" not in step]
    (cached,) = [step for step in steps if "--cache-from" in step]
    assert cached[cached.index("--cache-from") + 1] == first["image"]


def test_a_build_that_fails_says_why_with_its_last_lines(provider: CloudBuildProvider, props: dict[str, Any]) -> None:
    dockerfile = Path(props["dockerfile"])
    dockerfile.write_text("FROM python\nCOPY missing.txt .\n")
    props["sourceDigest"] = BuildContext(dockerfile.parent, dockerfile).digest
    with pytest.raises(BuildFailed, match=r"(?s)the build of alpha ended: .*missing\.txt.*not in the build context"):
        provider.create(props)


@pytest.mark.parametrize("missing", RIGHTS)
def test_the_builder_needs_each_of_its_rights(
    google: Google,
    grants: dict[str, Resource],
    provider: CloudBuildProvider,
    props: dict[str, Any],
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CloudBuildProvider, "denied_seconds", 0.0)
    google.remove(grants[missing])
    with pytest.raises(BuildFailed, match=missing):
        provider.create(props)


@pytest.mark.parametrize("late", RIGHTS)
def test_a_right_that_is_not_known_everywhere_yet_is_waited_for(
    google: Google,
    grants: dict[str, Resource],
    provider: CloudBuildProvider,
    props: dict[str, Any],
    late: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    google.remove(grants[late])

    class Cancelled:
        """No cancellation; the missing permission is granted while the build waits."""

        def wait(self, _seconds: float) -> bool:
            google.cloud.save(grants[late])
            return False

    monkeypatch.setattr(image, "cancelled", Cancelled())
    assert (provider.create(props).outs or {})["digest"]
    assert capsys.readouterr().out.count("trying again, as new permissions take minutes to take effect") == 1


def test_a_build_whose_account_cannot_read_the_source_is_not_even_taken(
    google: Google, grants: dict[str, Resource], provider: CloudBuildProvider, props: dict[str, Any]
) -> None:
    google.remove(grants["storage.objects.get"])
    with pytest.raises(BuildFailed, match=r"answered 400 Invalid build request\. could not resolve source"):
        provider.start(props, provider._upload_context(props), None)
    assert not google.cloud.kernel.store.all("gcp:builds")


def test_the_builder_reads_no_other_node_s_claims(google: Google, grants: dict[str, Resource]) -> None:
    (builder,) = (resource for resource in google.cloud.resources() if resource.name == "builder")
    url = "https://storage.googleapis.com/upload/storage/v1/b/cluster-1/o?uploadType=media&name=claims/alpha/x"
    with google.http() as deployer:
        assert deployer.post(url, content=b"x").status_code == 200
    with google.http(builder) as client:
        assert (
            client.get("https://storage.googleapis.com/storage/v1/b/cluster-1/o/claims%2Falpha%2Fx").status_code == 403
        )


def test_a_token_that_is_no_longer_good_is_told(provider: CloudBuildProvider, props: dict[str, Any]) -> None:
    with pytest.raises(BuildFailed, match=r"the image of alpha could not be built: .*401"):
        provider.create(props | {"token": "ya29.old"})


def test_a_service_that_is_off_is_waited_for_and_then_told(
    google: Google, provider: CloudBuildProvider, props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)
    (service,) = (resource for resource in google.cloud.resources(handlers.SERVICE) if resource.name == "cloudbuild")
    google.remove(service)
    with pytest.raises(BuildFailed, match=r"(?s)SERVICE_DISABLED.*Run `pulumi up` again"):
        provider.create(props)


def test_lost_answers_are_asked_for_again_and_start_one_build(
    google: Google, provider: CloudBuildProvider, props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)
    lost = lose_first_answers(google.cloud)
    assert (provider.create(props).outs or {})["digest"]
    assert {"POST storage.googleapis.com ", "POST cloudbuild.googleapis.com ", "GET cloudbuild.googleapis.com "} <= {
        *lost
    }
    assert len(google.cloud.kernel.store.all("gcp:builds")) == 1


def test_a_token_that_ends_during_a_build_leaves_it_running(
    google: Google, provider: CloudBuildProvider, props: dict[str, Any]
) -> None:
    def looked(call: Call) -> Reply:
        """Answer as Google does once the token has expired."""
        if call.method == "GET" and "/builds/" in call.path:
            return Reply(401, b'{"error": {"message": "too old"}}')
        return google.cloud.answer(call)

    whole = google.cloud.app
    google.cloud.app = serve(looked)
    with pytest.raises(Lost, match=r"continues in the cloud, .* valid for an hour .* Run `pulumi up` again"):
        provider.create(props)
    google.cloud.app = whole
    assert (provider.create(props).outs or {})["digest"]
    assert len(google.cloud.kernel.store.all("gcp:builds")) == 1


def test_a_person_s_sign_in_without_a_project_of_its_own_is_counted_for_the_node_s(
    google: Google, provider: CloudBuildProvider, props: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def strict(call: Call) -> Reply:
        """Answer as Google does for a token of `gcloud auth application-default login`."""
        if call.headers.get("x-goog-user-project") == google.cloud.project:
            return google.cloud.answer(call)
        asked.append(call.host)
        return reply({"error": {"message": f"The {call.host} API requires a quota project, which is not set"}}, 403)

    google.cloud.app = serve(strict)
    assert (provider.create(props).outs or {})["digest"]
    assert {"storage.googleapis.com", "cloudbuild.googleapis.com", "logging.googleapis.com"} <= set(asked)
    assert "FROM python:3.12-slim" in capsys.readouterr().out, "the log was read as well"


def test_a_cancelled_build_ends_in_the_cloud_and_makes_no_image(
    google: Google, provider: CloudBuildProvider, props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = hold_builds(google.cloud, monkeypatch)
    build = provider.start(props, provider._upload_context(props), None)
    assert provider.find_build(props) == build
    provider.cancel(props, build)
    assert provider.find_build(props) is None
    with pytest.raises(BuildFailed, match="CANCELLED"):
        provider.poll(props, build)
    gate.set()
    assert provider.find_digest(props) is None


def test_a_build_that_names_no_place_for_its_log_is_refused(google: Google, grants: dict[str, Resource]) -> None:
    url = f"https://cloudbuild.googleapis.com/v1/projects/{google.cloud.project}/locations/{REGION}/builds"
    account = f"projects/-/serviceAccounts/builder-account@{google.cloud.project}.iam.gserviceaccount.com"
    with google.http() as deployer:
        answer = deployer.post(url, json={"serviceAccount": account, "steps": [], "images": []})
    assert answer.status_code == 400, answer.text
    assert "logging options" in answer.text


@pytest.fixture
def signed_in(deployer: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Give the provider's process the deployer's credentials, whatever token the last `up` had."""
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", deployer)
    return monkeypatch


def push(google: Google, package: str, digest: str) -> None:
    """Record an image without a tag, as after a push of the user's Docker."""
    google.cloud.kernel.store.put("images", f"{package}@{digest}", {"tags": []})


def list_digests(google: Google, package: str) -> set[str]:
    return {key.partition("@")[2] for key in google.cloud.kernel.store.all("images", f"{package}@")}


def test_a_removed_node_takes_its_own_images_along(
    google: Google, provider: CloudBuildProvider, props: dict[str, Any], signed_in: pytest.MonkeyPatch
) -> None:
    beta = props["repository"].replace("alpha", "beta")
    push(google, props["repository"], "sha256:docker")
    push(google, beta, "sha256:beta")
    built = provider.create(props).outs
    assert built is not None
    provider.delete("", built | {"token": "ya29.old"})
    assert list_digests(google, props["repository"]) == {"sha256:docker"}, "the node may have switched to Docker"
    docker = DockerImagesProvider()
    inputs = {"repository": google.cloud.resources(REPOSITORY)[0].id, "node": "alpha"}
    made = docker.create(inputs)
    assert docker.diff(made.id, made.outs or {}, inputs).changes is False
    assert docker.diff(made.id, inputs, inputs | {"repository": "another"}).replaces == ["repository"]
    docker.delete(made.id, inputs)
    assert list_digests(google, props["repository"]) == set()
    assert list_digests(google, beta) == {"sha256:beta"}
    assert google.cloud.resources(REPOSITORY)[0]["dockerConfig"] == {"immutableTags": True}, "as it was before"


def test_a_node_that_switches_from_docker_keeps_the_built_images(
    google: Google, provider: CloudBuildProvider, props: dict[str, Any], signed_in: pytest.MonkeyPatch
) -> None:
    push(google, props["repository"], "sha256:docker")
    built = provider.create(props).outs
    assert built is not None
    DockerImagesProvider().delete("", {"repository": google.cloud.resources(REPOSITORY)[0].id, "node": "alpha"})
    assert list_digests(google, props["repository"]) == {built["digest"]}


def test_in_another_region_an_image_is_built_before_the_old_ones_are_deleted(
    provider: CloudBuildProvider, props: dict[str, Any]
) -> None:
    moved = provider.diff("", props, props | {"repository": "europe-west1-docker.pkg.dev/p/nodes/alpha"})
    assert (moved.changes, moved.replaces) == (True, ["repository"])
    assert provider.diff("", props, props | {"token": "another"}).changes is False


def test_an_image_with_an_immutable_tag_cannot_be_deleted(
    google: Google, provider: CloudBuildProvider, props: dict[str, Any]
) -> None:
    built = provider.create(props).outs or {}
    package = f"{google.cloud.resources(REPOSITORY)[0].id}/packages/alpha"
    url = f"https://artifactregistry.googleapis.com/v1/{package}/versions/{built['digest']}?force=true"
    with google.http() as deployer:
        assert deployer.delete(url).json()["error"]["status"] == "FAILED_PRECONDITION"


def test_a_build_leaves_the_newest_images_and_the_one_before(
    google: Google, provider: CloudBuildProvider, props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repositories, "KEEP", 1)
    first = provider.create(props | {"arguments": {"MODEL_ID": "1"}}).outs
    assert first is not None
    second = provider.update("", first, props | {"arguments": {"MODEL_ID": "2"}}).outs
    assert second is not None
    images = google.cloud.kernel.images
    assert len(images.tags(props["repository"])) == 2, "none is old"
    monkeypatch.setattr(repositories, "OLD_DAYS", -1)
    third = provider.update("", second, props | {"arguments": {"MODEL_ID": "3"}}).outs
    assert third is not None
    assert set(images.tags(props["repository"]).values()) == {second["digest"], third["digest"]}
    assert google.cloud.resources(REPOSITORY)[0]["dockerConfig"] == {"immutableTags": True}, "as it was before"


def test_images_that_cannot_be_deleted_are_told_and_fail_nothing(
    google: Google,
    provider: CloudBuildProvider,
    props: dict[str, Any],
    signed_in: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    built = provider.create(props).outs
    assert built is not None
    signed_in.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.old")
    provider.delete("", built)
    line = capsys.readouterr().out.splitlines()[-1]
    sentence = r"alpha: the images in projects/\S+ were not deleted; delete them: .*HTTP 401 Request had .*"
    assert re.fullmatch(sentence, line), line
    signed_in.delenv("GOOGLE_OAUTH_ACCESS_TOKEN")
    signed_in.setenv("GOOGLE_CREDENTIALS", "{}")
    provider.delete("", built)
    line = capsys.readouterr().out.splitlines()[-1]
    assert "were not deleted; delete them: There are no usable Google Cloud credentials" in line
    assert google.cloud.kernel.images.tags(props["repository"])
