"""The program's image build (including boto3 and the buildspec) against the simulated CodeBuild."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from providers.aws import image, roles
from providers.aws.build_report import StreamLog
from providers.aws.buildspec import BUILDSPEC
from providers.aws.image import CodeBuildProvider
from providers.images.context import BuildContext
from providers.images.following import BuildFailed
from sandbox.aws import codebuild
from sandbox.cloud import CloudError
from tests.sandbox.aws.cloud import Aws
from tests.sandbox.builds import hold_builds, lose_first_answers

DOCKERFILE = 'FROM python:3.12-slim\nARG MODEL_ID\nENV MODEL=${MODEL_ID}\nCOPY . .\nCMD ["python", "run.py"]\n'


class World:
    """A build context, and a project with the same role as in the program."""

    def __init__(self, aws: Aws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        (folder / "app").mkdir()
        (folder / "app" / "Dockerfile").write_text(DOCKERFILE)
        (folder / "run.py").write_text("print(1)\n")
        self.bucket, self.repository, self.logs = aws.bucket(), aws.repository(), aws.group("build")
        self.role = aws.role("build", "codebuild.amazonaws.com", self.policy())
        self.project = aws.make(codebuild.PROJECT, "builder", **self.inputs())
        self.provider = CodeBuildProvider()
        self.provider.poll_seconds = 0.05

    def policy(self, repositories: str = "stack/*", bucket: str = "", logs: str = "") -> str:
        prefix = self.repository["arn"].split("repository/")[0]
        return roles.build_builder_policy(
            f"{prefix}repository/{repositories}", bucket or self.bucket["arn"], logs or self.logs["arn"]
        )

    def inputs(self, **changes: Any) -> dict[str, Any]:
        return {
            "serviceRole": self.role["arn"],
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {"privilegedMode": True},
            "source": {"type": "NO_SOURCE", "buildspec": BUILDSPEC},
            "logsConfig": {"cloudwatchLogs": {"status": "ENABLED", "groupName": self.logs.id}},
            **changes,
        }

    def props(self, **changes: Any) -> dict[str, Any]:
        context = BuildContext(self.folder, self.folder / "app" / "Dockerfile")
        return {
            "node": "alpha",
            "region": "us-east-1",
            "bucket": self.bucket.id,
            "project": self.project.id,
            "repository": self.repository["repositoryUrl"],
            "repositoryName": self.repository["name"],
            "sourceDigest": context.digest,
            "tag": context.digest[:24],
            "context": str(self.folder),
            "dockerfile": str(self.folder / "app" / "Dockerfile"),
            "platform": "linux/amd64",
            "arguments": {"SRC_PATH": ".", "MODEL_ID": "m 1; $(false)"},
            **changes,
        }

    def builds(self) -> int:
        return len(self.aws.cloud.kernel.store.all("aws:builds"))


@pytest.fixture
def world(aws: Aws, deployer: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(StreamLog, "lag_seconds", 0.1)
    folder = tmp_path / "context"
    folder.mkdir()
    return World(aws, folder)


def test_a_source_becomes_an_image_with_its_arguments(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    built = world.provider.create(world.props())
    assert built.outs is not None
    image = world.aws.cloud.kernel.images.get(world.repository["repositoryUrl"], built.outs["digest"])
    assert image is not None
    assert image.env["MODEL"] == "m 1; $(false)"
    assert (image.root / "run.py").exists()
    assert built.outs["image"] == f"{world.repository['repositoryUrl']}@{built.outs['digest']}"
    assert "alpha: FROM python:3.12-slim" in capsys.readouterr().out


def test_the_same_source_is_neither_uploaded_nor_built_again(world: World) -> None:
    first = world.provider.create(world.props())
    for key in world.aws.cloud.kernel.store.list_blobs(f"aws/{world.bucket.id}"):
        world.aws.cloud.kernel.store.delete_blob(f"aws/{world.bucket.id}", key)
    again = world.provider.update("id", first.outs or {}, world.props())
    assert (again.outs or {})["digest"] == (first.outs or {})["digest"]
    assert world.builds() == 1
    assert world.aws.cloud.kernel.store.list_blobs(f"aws/{world.bucket.id}") == []


def test_other_build_arguments_are_another_image(world: World) -> None:
    first = world.provider.create(world.props())
    other = world.provider.create(world.props(arguments={"SRC_PATH": ".", "MODEL_ID": "other"}))
    assert world.builds() == 2
    assert (first.outs or {})["digest"] != (other.outs or {})["digest"]


def test_a_dockerfile_that_fails_says_so_with_the_log(world: World) -> None:
    (world.folder / "app" / "Dockerfile").write_text("FROM python\nCOPY nothing.txt .\n")
    with pytest.raises(BuildFailed, match=r"(?s)the build of alpha ended: build: COPY nothing.txt .*FROM python"):
        world.provider.create(world.props())


def test_lost_answers_are_asked_for_again_and_start_one_build(world: World) -> None:
    lost = lose_first_answers(world.aws.cloud)
    assert (world.provider.create(world.props()).outs or {})["digest"]
    assert {"StartBuild", "BatchGetBuilds"} <= {call.rsplit(".", 1)[-1] for call in lost}
    assert world.builds() == 1


def test_a_cancelled_build_ends_in_the_cloud_and_makes_no_image(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, props = hold_builds(world.aws.cloud, monkeypatch), world.props()
    build = world.provider.start(props, world.provider._upload_context(props), None)
    assert world.provider.find_build(props) == build
    assert world.provider.find_build(world.props(arguments={"SRC_PATH": ".", "MODEL_ID": "other"})) is None
    world.provider.cancel(props, build)
    assert world.provider.find_build(props) is None
    with pytest.raises(BuildFailed, match="stopped"):
        world.provider.poll(props, build)
    gate.set()
    assert world.provider.find_digest(props) is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"repositories": "other/*"}, "denied: .* ecr:"),
        ({"bucket": "arn:aws:s3:::other"}, "exit status 1"),
        ({"logs": "arn:aws:logs:other"}, "does not allow AWS CodeBuild to write to CloudWatch Logs"),
    ],
)
def test_what_the_builder_may_not_do_fails_the_build(world: World, change: dict[str, str], sentence: str) -> None:
    world.aws.change(world.aws.policy(world.role), policy=world.policy(**change))
    with pytest.raises(BuildFailed, match=sentence):
        world.provider.create(world.props())


def test_a_role_whose_rights_are_not_known_yet_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = world.aws.policy(world.role)
    world.aws.change(policy, policy=world.policy(logs="arn:aws:logs:other"))

    def wait(_seconds: float) -> bool:
        if world.builds() == 2:
            world.aws.change(world.aws.policy(world.role), policy=world.policy())
        return False

    monkeypatch.setattr(image, "cancelled", SimpleNamespace(wait=wait))
    assert (world.provider.create(world.props()).outs or {})["digest"]
    assert world.builds() == 3
    assert "CloudWatch Logs; trying again" in capsys.readouterr().out


def test_the_builder_of_a_stack_cannot_push_to_another(world: World) -> None:
    other = world.aws.repository("stack-two/alpha")
    with pytest.raises(BuildFailed, match="denied"):
        world.provider.create(world.props(repository=other["repositoryUrl"], repositoryName=other["name"]))


def test_a_repository_that_is_gone(world: World) -> None:
    with pytest.raises(BuildFailed, match="RepositoryNotFoundException"):
        world.provider.create(world.props(repositoryName="stack/none"))


def test_a_project_needs_its_role_and_a_buildspec(world: World) -> None:
    with pytest.raises(CloudError, match="cannot be assumed"):
        world.aws.make(codebuild.PROJECT, "b", **world.inputs(serviceRole="arn:aws:iam::1:role/none"))
    with pytest.raises(CloudError, match="needs a buildspec"):
        world.aws.make(codebuild.PROJECT, "b", **world.inputs(source={"type": "NO_SOURCE"}))


def test_the_build_is_started_by_who_may_only(world: World) -> None:
    client = world.aws.client("codebuild", world.role)
    with pytest.raises(client.exceptions.ClientError, match="not authorized"):
        client.start_build(projectName=world.project.id)
