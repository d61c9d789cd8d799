"""A user's mistakes with the real engine: each gives a message without a traceback, and a second `up` recovers."""

from __future__ import annotations

import pytest

from tests.e2e.nodes import node, nodes
from tests.e2e.world import IDS, MakeWorld, World
from tests.pulumi_cli import EngineFailed

pytestmark = pytest.mark.e2e


def refused(world: World, *arguments: str) -> str:
    with pytest.raises(EngineFailed) as caught:
        world.cli.run(*arguments)
    text = str(caught.value)
    assert "Traceback" not in text, text
    return text


def test_a_wrong_file_is_told_with_all_its_mistakes_and_touches_nothing(make_world: MakeWorld) -> None:
    world = make_world(
        nodes(node("alpha", "aws", extra="sise: gen-md"), node("beta", "gcp", "signals", extra="disk: 9GiB"))
    )
    for command in (["preview"], ["up", "--yes"]):
        text = refused(world, *command)
        assert 'nodes.yaml:7:5: "sise" is not a key of a node. Did you mean "size"?' in text
        assert "nodes.yaml:13:11: disk: 9 GiB is not available on Google Cloud" in text
    assert sum(world.left().values()) == 0


def test_a_sandbox_that_has_stopped_is_told(make_world: MakeWorld) -> None:
    world = make_world(nodes(node("alpha", "aws")))
    world.stop()
    world.cli.env["PNODES_WHEN_STOPPED"] = "The sandbox has stopped."
    assert "error: The sandbox has stopped." in refused(world, "preview")


def test_a_name_and_a_build_that_fail_are_sentences_and_the_next_up_heals(make_world: MakeWorld) -> None:
    named = node("alpha", "gcp").replace(IDS["classic"], "alpha_modle")
    world = make_world(nodes(named))
    assert world.cli.preview().keys() == {"create"}
    text = refused(world, "up", "--yes", "--skip-preview")
    assert 'the account has no classic model "alpha_modle"; did you mean "alpha_model"?' in text

    world.nodes(nodes(named.replace("alpha_modle", "alpha_model")))
    world.model("quick", requirements="./there-is-no-such-package\n")
    text = refused(world, "up", "--yes", "--skip-preview")
    assert "the build of alpha ended" in text
    assert "there-is-no-such-package" in text

    world.model("quick")
    world.cli.up()
    assert world.cli.outputs()["nodes"]["alpha"]["model_id"] == IDS["classic"]
    assert world.cli.preview().keys() == {"same"}
