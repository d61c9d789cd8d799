"""A move or a rename whose `up` fails leaves the old node at work, and the next `up` completes it or takes it back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.e2e.nodes import CLOUDS, node, nodes
from tests.e2e.webhooks import at_numerai
from tests.e2e.world import IDS, MakeWorld, World
from tests.pulumi_cli import EngineFailed

pytestmark = pytest.mark.e2e
ELSEWHERE = {"aws": "eu-west-1", "gcp": "europe-west1", "azure": "westeurope"}
NEXT_CLOUD = {"aws": "gcp", "gcp": "azure", "azure": "aws"}
DOCKER = "build: {docker: true}\n"
KINDS = {"classic": (1, 4, 5), "signals": (2, 6, 7), "crypto": (3, 8, 9)}
BROKEN, RIGHT = "./there-is-no-such-package\n", "# nothing\n"


def change(source: str, moved: bool) -> str:
    """Return nodes.yaml before or after each cloud's node moves to another region, to another cloud, or is renamed.

    The images of the nodes that move to another region are built by the cloud on AWS, by Docker on the others.
    """
    ids = models()
    texts = []
    for cloud in CLOUDS:
        docker = "" if cloud == "aws" else DOCKER
        region = f"region: {ELSEWHERE[cloud]}\n" if moved else ""
        name = f"{cloud}-renamed" if moved else f"{cloud}-named"
        texts += [
            write(f"{cloud}-region", cloud, *next(ids), source, docker + region),
            write(f"{cloud}-cloud", NEXT_CLOUD[cloud] if moved else cloud, *next(ids), source, ""),
            write(name, cloud, *next(ids), source, ""),
        ]
    return nodes(*texts)


def models() -> Iterator[tuple[str, str]]:
    for kind, numbers in KINDS.items():
        for number in numbers:
            yield kind, f"{IDS[kind][:-2]}{number:02}"


def write(name: str, cloud: str, kind: str, model: str, source: str, extra: str) -> str:
    return node(name, cloud, kind, source, extra).replace(IDS[kind], model)


def run_rounds(world: World, before: int) -> None:
    """Call every webhook at Numerai; each starts a job that succeeds."""
    urls = [url for url in at_numerai(world).values() if url]
    assert len(urls) == 9
    answers = {url: world.call(url, str(uuid.uuid4())) for url in urls}
    assert {url: answer.text for url, answer in answers.items() if answer.status_code != 202} == {}
    runs = world.finished(before + 9)[before:]
    assert [(run["job"], run["reason"]) for run in runs if run["state"] != "SUCCEEDED"] == []


@pytest.mark.long
def test_the_old_node_runs_rounds_until_the_new_one_is_built(make_world: MakeWorld) -> None:
    world = make_world(change("quick", moved=False))
    world.cli.up()
    old = at_numerai(world)
    world.model("next", requirements=BROKEN)
    world.nodes(change("next", moved=True))
    with pytest.raises(EngineFailed, match="there-is-no-such-package"):
        world.cli.up()
    assert at_numerai(world) == old
    run_rounds(world, 0)

    # Back to what runs, which takes nothing away from it.
    world.nodes(change("quick", moved=False))
    world.cli.up()
    assert at_numerai(world) == old
    run_rounds(world, 9)

    world.nodes(change("next", moved=True))
    with pytest.raises(EngineFailed, match="there-is-no-such-package"):
        world.cli.up()
    world.model("next", requirements=RIGHT)
    world.cli.up()
    assert not set(filter(None, at_numerai(world).values())) & set(filter(None, old.values()))
    run_rounds(world, 18)
    assert world.cli.preview().keys() == {"same"}


@pytest.mark.parametrize(("disk", "next_disk"), [("50GiB", "300GiB"), ("300GiB", "50GiB")])
def test_the_last_node_on_fargate_or_on_machines_starts_until_its_successor_is_built(
    make_world: MakeWorld, disk: str, next_disk: str
) -> None:
    world = make_world(nodes(node("alpha", "aws", source="quick", extra=f"disk: {disk}\n")))
    world.cli.up()
    (url,) = filter(None, at_numerai(world).values())
    world.model("next", requirements=BROKEN)
    world.nodes(nodes(node("alpha", "aws", source="next", extra=f"disk: {next_disk}\n")))
    with pytest.raises(EngineFailed, match="there-is-no-such-package"):
        world.cli.up()
    answer = world.call(url, str(uuid.uuid4()))
    assert answer.status_code == 202, answer.text
    assert [(run["state"], run["reason"]) for run in world.finished(1)] == [("SUCCEEDED", "")]
    world.model("next", requirements=RIGHT)
    world.cli.up()
    assert world.cli.preview().keys() == {"same"}
