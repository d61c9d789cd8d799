"""The simulated provider with the real engine: checks of inputs, differences, replacements and deletions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from sandbox.cloud import Cloud, CloudError, Handler, Kernel, PartlyCreated, Resource
from sandbox.plugin import Plugin
from tests.forking.hosts import ForkingHosts
from tests.pulumi_cli import EngineFailed, PulumiCli

pytestmark = pytest.mark.e2e


class Repository(Handler):
    autoname = "name"

    def create(self, resource: Resource) -> None:
        super().create(resource)
        if resource.inputs.get("imageTagMutability") == "REFUSED_BY_SERVICE":
            raise CloudError("the service does not want this repository")
        resource.outputs["arn"] = f"arn:{resource.id}"


class Function(Handler):
    autoname = "name"
    updates = 0

    def create(self, resource: Resource) -> None:
        super().create(resource)
        if resource.inputs["code"] == {"index.py": b"broken"}:
            raise PartlyCreated("the build failed")

    def update(self, _old: Resource, _resource: Resource) -> None:
        self.updates += 1


class ToyCloud(Cloud):
    name, package = "aws", "aws"
    app = Starlette()

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.handlers = {
            "aws:ecr/repository:Repository": Repository(),
            "aws:lambda/function:Function": Function(),
        }

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        return {"accountId": "123456789012", "arn": "", "id": "", "userId": ""}

    def owns(self, host: str) -> bool:
        return False


class World:
    """A toy cloud, the engine, and a folder whose program the test writes."""

    def __init__(self, cloud: ToyCloud, cli: PulumiCli) -> None:
        self.cloud, self.cli = cloud, cli

    def program(
        self, code: str = "1", mutability: str = "IMMUTABLE", encryption: str = "AES256", more: str = ""
    ) -> None:
        text = PROGRAM.format(code=code, mutability=mutability, encryption=encryption, more=more)
        (self.cli.folder / "__main__.py").write_text(text)


PROGRAM = """
import pulumi
import pulumi_aws as aws

function = aws.lambda_.Function(
    "fn",
    role="role",
    runtime="python3.13",
    handler="index.handler",
    code=pulumi.AssetArchive({{"index.py": pulumi.StringAsset("{code}")}}),
    environment={{"variables": {{"A": pulumi.Output.secret("planted-secret")}}}},
)
repository = aws.ecr.Repository(
    "alpha",
    image_tag_mutability="{mutability}",
    encryption_configurations=[{{"encryption_type": "{encryption}"}}],
    {more}
)
pulumi.export("arn", repository.arn)
"""


@pytest.fixture
def world(kernel: Kernel, tmp_path: Path) -> Iterator[World]:
    cloud = ToyCloud(kernel)
    server, port = Plugin(cloud).serve()
    folder = tmp_path / "program"
    folder.mkdir()
    options = f"{{name: python, options: {{virtualenv: {sys.prefix}}}}}"
    (folder / "Pulumi.yaml").write_text(f"name: toy\nruntime: {options}\n")
    cli = PulumiCli(folder, {"PULUMI_DEBUG_PROVIDERS": f"aws:{port}"}, ForkingHosts(tmp_path / "log"))
    cli.run("stack", "init", "dev")
    world = World(cloud, cli)
    world.program()
    yield world
    server.stop(grace=None)


def test_the_life_of_a_stack(world: World) -> None:
    assert world.cli.preview() == {"create": 3}
    assert world.cloud.resources() == []
    assert world.cli.up() == {"create": 3}
    function = world.cloud.resources("aws:lambda/function:Function")[0]
    assert function.inputs["code"] == {"index.py": b"1"}
    assert world.cli.up() == {"same": 3}

    world.program(code="2")
    assert world.cli.steps() == {"aws:lambda/function:Function::fn": "update"}
    assert world.cli.up() == {"same": 2, "update": 1}
    name = world.cli.outputs()["arn"]
    world.program(code="2", encryption="KMS")
    assert world.cli.up() == {"same": 2, "replace": 1}
    assert world.cli.outputs()["arn"] != name
    world.program(code="2", encryption="KMS", more="tags={'a': 'b'},")
    assert world.cli.up() == {"same": 2, "update": 1}
    assert world.cli.refresh() == {"same": 3}
    states = [path for path in world.cli.folder.rglob("*.json") if b"planted-secret" in path.read_bytes()]
    assert states == []

    world.cli.destroy()
    assert world.cloud.resources() == []


def test_what_was_removed_by_hand_is_found_by_refresh_and_made_again(world: World) -> None:
    world.cli.up()
    world.cloud.forget(world.cloud.resources("aws:ecr/repository:Repository")[0])
    world.cli.refresh()
    assert world.cli.up() == {"same": 2, "create": 1}


def test_a_refused_create_keeps_what_was_made_and_the_next_up_goes_on(world: World) -> None:
    after = "opts=pulumi.ResourceOptions(depends_on=[function]),"
    world.program(mutability="REFUSED_BY_SERVICE", more=after)
    with pytest.raises(EngineFailed, match="the service does not want this repository"):
        world.cli.up()
    world.program(more=after)
    assert world.cli.up()["create"] == 1


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("force_delete='maybe',", "expected bool, got 'maybe'"),
        (
            "image_scanning_configuration=pulumi.Output.from_input({}),",
            "Missing required property 'imageScanningConfiguration.scanOnPush'",
        ),
        ("tags={'a': 1},", "expected str, got 1"),
    ],
)
def test_wrong_inputs_are_refused_at_plan(world: World, more: str, reason: str) -> None:
    world.program(more=more)
    with pytest.raises(EngineFailed, match=reason):
        world.cli.run("preview")


def test_a_type_that_the_sandbox_does_not_serve_is_refused(world: World) -> None:
    (world.cli.folder / "__main__.py").write_text("import pulumi_aws as aws\naws.sns.Topic('topic')\n")
    with pytest.raises(EngineFailed, match="the sandbox has no aws:sns/topic:Topic"):
        world.cli.run("preview")


def test_where_things_are_outlives_a_restart_and_secrets_do_not(kernel: Kernel) -> None:
    configured = {"region": "eu-west-1", "secretKey": "planted-secret"}
    ToyCloud(kernel).configure(configured)
    assert ToyCloud(kernel).config == {"region": "eu-west-1"}


def test_a_resource_that_was_created_but_failed_is_kept_and_not_sent_again(world: World) -> None:
    world.program(code="broken")
    with pytest.raises(EngineFailed, match="the build failed"):
        world.cli.up()
    (function,) = world.cloud.resources("aws:lambda/function:Function")
    assert world.cli.up()["update"] == 1
    handler = world.cloud.handlers["aws:lambda/function:Function"]
    assert isinstance(handler, Function)
    assert handler.updates == 0, "the provider sent an update without a difference"
    assert world.cloud.resources("aws:lambda/function:Function") == [function]
    world.program(code="whole")
    assert world.cli.up()["update"] == 1
    assert handler.updates == 1
