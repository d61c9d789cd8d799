"""The simulated docker-build with the real engine: builds, differences and refusals."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cloud import Kernel
from sandbox.docker_build.plugin import DockerBuildPlugin, LocalDocker
from sandbox.docker_build.registries import unauthorized
from tests.forking.hosts import ForkingHosts
from tests.pulumi_cli import EngineFailed, PulumiCli

pytestmark = pytest.mark.e2e

PROGRAM = """
import os
import pulumi
import pulumi_docker_build as docker_build

image = docker_build.Image(
    "alpha",
    context={{"location": "model"}},
    dockerfile={{"location": "model/Dockerfile"}},
    build_args={{"MODEL_ID": "m"}},
    platforms=["linux/amd64"],
    exports=[{{"image": {{"names": ["{repository}"], "push": True, "push_by_digest": True}}}}],
    push=False,
    build_on_preview=False,
    registries=[{{"address": "registry.test", "username": "{user}", "password": pulumi.Output.secret("{password}")}}],
    {more}
)
pulumi.export("digest", image.digest)
"""
DOCKERFILE = 'FROM python:3.12-slim\nARG MODEL_ID\nENV MODEL_ID=$MODEL_ID\nCOPY . .\nCMD ["python", "predict.py"]\n'


class Registry:
    """Accepts its own passwords, and records pushed images."""

    def __init__(self) -> None:
        self.passwords, self.images = {"first", "second"}, list[str]()

    def serves(self, host: str) -> bool:
        return host == "registry.test"

    def admit(self, repository: str, user: str, password: str) -> None:
        if user != "somebody" or password not in self.passwords:
            raise unauthorized()

    def record_push(self, repository: str, digest: str) -> None:
        self.images.append(f"{repository}@{digest}")


class World:
    """A registry, the engine, and a project whose program the test writes."""

    def __init__(self, kernel: Kernel, registry: Registry, cli: PulumiCli) -> None:
        self.kernel, self.registry, self.cli = kernel, registry, cli
        self.model = cli.folder / "model"

    def program(
        self,
        password: str = "first",
        user: str = "somebody",
        repository: str = "registry.test/alpha",
        more: str = "",
    ) -> None:
        text = PROGRAM.format(password=password, user=user, repository=repository, more=more)
        (self.cli.folder / "__main__.py").write_text(text)

    def refused(self, *command: str) -> str:
        with pytest.raises(EngineFailed) as failed:
            self.cli.run(*(command or ("up", "--yes", "--skip-preview")))
        return str(failed.value)


@pytest.fixture
def world(kernel: Kernel, tmp_path: Path) -> Iterator[World]:
    registry = Registry()
    server, port = DockerBuildPlugin(LocalDocker(kernel, [registry])).serve()
    folder = tmp_path / "program"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "Dockerfile").write_text(DOCKERFILE)
    (folder / "model" / "predict.py").write_text("print('hello')\n")
    (folder / "model" / ".dockerignore").write_text("*.md\n")
    options = f"{{name: python, options: {{virtualenv: {sys.prefix}}}}}"
    (folder / "Pulumi.yaml").write_text(f"name: toy\nruntime: {options}\n")
    cli = PulumiCli(folder, {"PULUMI_DEBUG_PROVIDERS": f"docker-build:{port}"}, ForkingHosts(tmp_path / "log"))
    cli.run("stack", "init", "dev")
    world = World(kernel, registry, cli)
    world.program()
    yield world
    server.stop(grace=None)


def test_an_image_is_built_from_the_folder_pushed_and_built_again_when_a_file_changes(world: World) -> None:
    assert world.cli.preview() == {"create": 2}
    assert world.registry.images == []
    printed = world.cli.run("up", "--yes", "--skip-preview")
    assert "COPY . ." in printed
    digest = world.cli.outputs()["digest"]
    assert world.registry.images == [f"registry.test/alpha@{digest}"]
    image = world.kernel.images.get("registry.test/alpha", digest)
    assert image is not None
    assert image.env["MODEL_ID"] == "m"

    world.program(password="second")
    (world.model / "README.md").write_text("ignored by .dockerignore\n")
    assert world.cli.preview() == {"same": 2}
    assert world.cli.up() == {"same": 2}
    assert world.cli.refresh() == {"same": 2}
    (world.model / "predict.py").write_text("print('hello again')\n")
    assert world.cli.steps() == {"docker-build:index:Image::alpha": "update"}
    assert world.cli.up() == {"same": 1, "update": 1}
    assert world.cli.outputs()["digest"] != digest
    assert world.cli.preview() == {"same": 2}
    (world.model / "predict.py").chmod(0o755)
    assert world.cli.preview() == {"same": 1, "update": 1}
    world.cli.destroy()
    assert len(world.registry.images) == 2


def test_a_wrong_login_is_refused_as_a_registry_does_and_a_right_one_heals(world: World) -> None:
    for user, password in (("somebody", "wrong"), ("somebody", ""), ("another", "first")):
        world.program(user=user, password=password)
        text = world.refused()
        assert "failed to push registry.test/alpha" in text
        assert "401 UNAUTHORIZED" in text
    assert world.registry.images == []
    world.program(repository="elsewhere.test/alpha")
    assert "lookup elsewhere.test: no such host" in world.refused()
    world.program()
    assert world.cli.up()["create"] == 1


def test_a_build_that_fails_shows_its_lines(world: World) -> None:
    (world.model / "Dockerfile").write_text(DOCKERFILE.replace("COPY . .", "COPY missing.txt ."))
    text = world.refused()
    assert "failed to solve: COPY missing.txt" in text
    assert "FROM python:3.12-slim" in text


def test_what_cannot_be_built_is_refused_at_plan(world: World) -> None:
    world.program(more='tags=["registry.test/alpha:1"],')
    assert "the sandbox builds without tags" in world.refused("preview")
    world.program()
    world.model.rename(world.cli.folder / "modle")
    assert '"model": not a valid directory or URL' in world.refused("preview")
