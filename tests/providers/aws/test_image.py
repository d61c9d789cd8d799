"""The inputs of an image build (base images and tags), and its script, which runs under bash."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from providers.aws.buildspec import BUILDSPEC, SCRIPT
from providers.aws.image import CodeBuildProvider, list_official_images
from providers.images.build import image_tag
from providers.images.following import BuildFailed


@pytest.mark.parametrize(
    ("dockerfile", "images"),
    [
        ("FROM python:3.12-slim\n", ["python:3.12-slim"]),
        ("from python\nRUN x\n", ["python"]),
        ("FROM --platform=linux/amd64 r-base:4.4.1 AS build\nFROM build\n", ["r-base:4.4.1"]),
        ("FROM python:3.12 AS a\nFROM debian:12 as b\nCOPY --from=a /x /x\n", ["debian:12", "python:3.12"]),
        ("FROM ghcr.io/astral-sh/uv:0.8\nFROM rocker/r-ver:4\nFROM scratch\n", []),
        ("FROM python@sha256:0000\n", []),
        ("ARG BASE=python\nFROM ${BASE}\n", ["python"]),
        ("ARG TAG=1\nFROM python:$TAG\n", ["python:3.13"]),
        ("ARG BASE\nFROM ${BASE}\nRUN <<EOF\nFROM debian\nEOF\n", []),
    ],
)
def test_base_images_that_docker_itself_publishes(dockerfile: str, images: list[str]) -> None:
    assert list_official_images(dockerfile, {"TAG": "3.13"}) == images


def props(**changes: Any) -> dict[str, Any]:
    return {"tag": "a" * 24, "platform": "linux/amd64", "arguments": {"A": "1", "B": "2"}, **changes}


def test_a_tag_stands_for_source_platform_and_arguments() -> None:
    tag = image_tag(props())
    assert tag == image_tag(props(arguments={"B": "2", "A": "1"}))
    others = [props(tag="b" * 24), props(platform="linux/arm64"), props(arguments={"A": "1", "B": "3"})]
    assert len({tag, *map(image_tag, others)}) == 4


def test_the_buildspec_is_yaml_with_one_bash_script() -> None:
    read = yaml.safe_load(BUILDSPEC)
    assert (read["version"], read["env"]) == (0.2, {"shell": "bash"})
    assert read["phases"]["build"]["commands"] == [SCRIPT]


def run(folder: Path, mirrored: str = "", fails: str = "none", **variables: str) -> tuple[int, list[list[str]]]:
    """The script with tools that only record how they are called."""
    tools, record = folder / "tools", folder / "calls"
    tools.mkdir()
    for tool in ("aws", "docker", "tar"):
        path = tools / tool
        path.write_text(
            "#!/usr/bin/env bash\n"
            # One write per line, since the two sides of a pipe run at the same time.
            f'IFS=$\'\\x1f\'; words="{tool}$IFS$*"; printf \'%s\\n\' "$words" >> "{record}"\n'
            f'[ "{tool} $1" = "{fails}" ] && exit 3\n'
            f'if [ "$2" = imagetools ]; then [ "$4" = "{mirrored}" ]; exit; fi\n'
        )
        path.chmod(0o755)
    env = {
        "PATH": f"{tools}:/usr/bin:/bin:/usr/local/bin",
        "ARGUMENT_NAMES": "MODEL_ID SRC_PATH",
        "DOCKERFILE": "my app/Dockerfile",
        "PLATFORM": "linux/amd64",
        "REPOSITORY": "123.dkr.ecr.us-east-1.amazonaws.com/stack/alpha",
        "SOURCE_BUCKET": "bucket",
        "SOURCE_KEY": "source/alpha/x.tar.gz",
        "TAG": "t",
        **variables,
    }
    done = subprocess.run(["bash", "-c", SCRIPT], cwd=folder, env=env, capture_output=True, text=True, check=False)
    lines = record.read_text().splitlines()
    return done.returncode, [line.split("\x1f") for line in lines]


def test_the_script_fetches_builds_and_pushes(tmp_path: Path) -> None:
    code, calls = run(tmp_path)
    image = "123.dkr.ecr.us-east-1.amazonaws.com/stack/alpha:t"
    assert code == 0
    assert calls[0] == ["aws", "s3", "cp", "--no-progress", "s3://bucket/source/alpha/x.tar.gz", "context.tar.gz"]
    assert ["docker", "login", "--username", "AWS", "--password-stdin", image.split("/")[0]] in calls
    (build,) = [call for call in calls if call[:3] == ["docker", "buildx", "build"]]
    assert build[-5:] == ["--build-arg", "MODEL_ID", "--build-arg", "SRC_PATH", "context"]
    assert build[build.index("--file") + 1] == "context/my app/Dockerfile"
    assert build[build.index("--platform") + 1] == "linux/amd64"
    assert "--provenance=false" in build
    assert calls[-1] == ["docker", "push", image]


def test_layers_come_from_the_image_before(tmp_path: Path) -> None:
    _, calls = run(tmp_path, FORMER="registry/alpha@sha256:0")
    (build,) = [call for call in calls if call[:3] == ["docker", "buildx", "build"]]
    assert build[build.index("--cache-from") + 1] == "type=registry,ref=registry/alpha@sha256:0"
    assert build[build.index("--build-arg") + 1] == "BUILDKIT_INLINE_CACHE=1"


def test_a_base_image_comes_from_amazons_copy_if_there_is_one(tmp_path: Path) -> None:
    mirror = "public.ecr.aws/docker/library"
    _, calls = run(tmp_path, f"{mirror}/python:3.12", BASE_IMAGES="debian:12 python:3.12")
    (build,) = [call for call in calls if call[:3] == ["docker", "buildx", "build"]]
    contexts = [build[at + 1] for at, word in enumerate(build) if word == "--build-context"]
    assert contexts == [f"python:3.12=docker-image://{mirror}/python:3.12"]


@pytest.mark.parametrize(("step", "last"), [("aws s3", "aws"), ("tar -xzf", "tar"), ("docker login", "docker")])
def test_a_step_that_fails_ends_the_script(tmp_path: Path, step: str, last: str) -> None:
    code, calls = run(tmp_path, fails=step)
    assert code != 0
    assert last in {call[0] for call in calls[-2:]}
    assert not [call for call in calls if call[:2] == ["docker", "push"]]


def test_the_buildspec_says_nothing_of_this_stack() -> None:
    assert "$(" not in json.loads(BUILDSPEC)["phases"]["build"]["commands"][0]


class FullAccount:
    """CodeBuild that accepts a build only after a number of refusals."""

    def __init__(self, refusals: int, code: str = "AccountLimitExceededException", places: int = 1) -> None:
        self.refusals = refusals
        message = f"Cannot have more than {places} builds in queue for the account"
        self.error = ClientError({"Error": {"Code": code, "Message": message}}, "StartBuild")

    def start_build(self, **_: Any) -> dict[str, Any]:
        self.refusals -= 1
        if self.refusals >= 0:
            raise self.error
        return {"build": {"id": "builder:1"}}


def start(folder: Path, account: FullAccount, monkeypatch: pytest.MonkeyPatch) -> str:
    (folder / "Dockerfile").write_text("FROM python\n")
    provider = CodeBuildProvider()
    provider.poll_seconds = 0.001
    monkeypatch.setattr(provider, "client", lambda _props, _service: account)
    where = {"context": str(folder), "dockerfile": str(folder / "Dockerfile"), "repository": "r", "bucket": "b"}
    return provider.start(props(node="alpha", region="us-east-1", project="p", **where), "source/x", None)


def test_a_build_waits_for_a_place_in_an_account_that_has_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(tmp_path, FullAccount(3), monkeypatch) == "builder:1"


def test_an_account_without_any_builds_is_told_what_to_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BuildFailed, match=r"alpha .* not let .* builds in us-east-1 yet .*Service Quotas"):
        start(tmp_path, FullAccount(1, places=0), monkeypatch)


def test_another_refusal_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = FullAccount(2, "AccessDeniedException")
    with pytest.raises(ClientError):
        start(tmp_path, account, monkeypatch)
    assert account.refusals == 1
