"""`rescue` in nodes.yaml: the second place of a node, and what cannot be one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nodefile import NodeFileError, load
from nodefile.clouds import REGIONS
from nodefile.rescue import MAX_RESCUED, RescueNode, add_rescues
from nodefile.settings import dump_settings, load_node
from nodefile.variables import list_constants
from providers.checks import load_checked
from providers.images.arguments import build_arguments

ID = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"


def write(folder: Path, *lines: str, name: str = "alpha", before: str = "", cloud: str = "aws") -> Path:
    (folder / "m").mkdir(exist_ok=True)
    (folder / "m" / "Dockerfile").touch()
    text = f"{before}nodes:\n  {name}:\n    model: {ID}\n    cloud: {cloud}\n    source: m\n"
    path = folder / "nodes.yaml"
    path.write_text(text + "".join(f"    {line}\n" for line in lines))
    return path


@pytest.mark.parametrize("cloud", REGIONS)
@pytest.mark.parametrize("other", REGIONS)
def test_any_cloud_rescues_any_other(cloud: str, other: str, tmp_path: Path) -> None:
    region = {"aws": "eu-west-1", "gcp": "europe-west1", "azure": "westeurope"}[other]
    path = write(tmp_path, f"rescue: {{cloud: {other}, region: {region}}}", cloud=cloud)
    file = load_checked(path)
    node, rescue = file.with_rescues
    assert isinstance(rescue, RescueNode)
    assert (rescue.name, rescue.title, rescue.cloud, rescue.region) == ("alpha-rescue", "alpha", other, region)
    assert (rescue.model, rescue.source, rescue.size) == (node.model, node.source, node.size)
    assert (rescue.watch.after, rescue.watch.retries) == (1800, 2)
    assert file.nodes == (node,)


def test_a_rescue_has_no_webhook_no_schedule_and_no_rescue(tmp_path: Path) -> None:
    lines = ["schedule: '0 13 * * 2'", "account: fund", "rescue: {cloud: gcp, size: mem-md, after: 20m}"]
    (node, rescue) = load(write(tmp_path, *lines)).with_rescues
    assert (rescue.schedule, rescue.register_webhook, rescue.rescue) == (None, False, None)
    assert (rescue.account, rescue.region, str(rescue.size), rescue.watch.after) == (
        "fund",
        "us-central1",
        "mem-md",
        1200,
    )
    assert add_rescues([node]) == (node, rescue)


def test_the_model_cannot_tell_where_it_runs(tmp_path: Path) -> None:
    node, rescue = load(write(tmp_path, "rescue: {cloud: gcp}")).with_rescues
    assert list_constants(rescue, ID) == list_constants(node, ID)
    assert build_arguments(rescue, ID) == build_arguments(node, ID)


def test_a_node_can_do_without_the_rescue_of_the_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, "rescue: false", before="defaults: {rescue: {cloud: gcp}}\n")
    assert len(load(path).with_rescues) == 1


def test_the_settings_of_the_stack_have_it(tmp_path: Path) -> None:
    file = load(write(tmp_path, "rescue: {cloud: gcp, size: {cpu: 2, memory: 8GiB}}"))
    settings = dump_settings(file)
    assert list(settings) == ["alpha"]
    assert load_node("alpha", json.loads(json.dumps(settings["alpha"]))).rescue == file.nodes[0].rescue
    assert str(file.nodes[0].rescue) == "{cloud: gcp, region: us-central1, size: 2 vCPU / 8 GiB, after: 30m}"


def test_a_rescue_belongs_to_the_stack_of_its_node(tmp_path: Path) -> None:
    path = write(tmp_path, "rescue: {cloud: gcp}", before="stacks: {one: {cloud: aws}, two: {cloud: gcp}}\n")
    file = load(path)
    assert [node.name for node in file.select("one").with_rescues] == ["alpha", "alpha-rescue"]
    assert file.select("two").with_rescues == ()


SAME = "the node itself is in aws us-east-1; expected another cloud or region, or `rescue: false`."
WRONG = {
    "{cloud: aws}": SAME,
    "{cloud: aws, region: us-east-1}": SAME,
    "{cloud: gcp, after: 15m}": "after: 15m is not later than the first start of `watch` (15m); expected a later one.",
    "true": "expected false, or a place such as {cloud: gcp, after: 30m}, got true.",
    "gcp": "expected false, or a place such as {cloud: gcp, after: 30m}, got 'gcp'.",
    "{region: europe-west1}": "rescue needs a cloud, such as {cloud: gcp}.",
}


@pytest.mark.parametrize("value", WRONG)
def test_a_wrong_rescue_is_reported_at_its_line(value: str, tmp_path: Path) -> None:
    with pytest.raises(NodeFileError) as caught:
        load(write(tmp_path, f"rescue: {value}"))
    assert str(caught.value) == f"nodes.yaml:6:13: rescue: {WRONG[value]}"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("cloud: gpc", "rescue.cloud: expected aws, gcp or azure, got 'gpc'. Did you mean \"gcp\"?"),
        (
            "cloud: gcp, after: 30",
            'rescue.after: expected a duration such as "90m", "2h" or "1h30m", got the number 30.',
        ),
        ("cloud: gcp, afer: 30m", 'rescue has no key "afer"; expected cloud, region, size and after.'),
        ("cloud: gcp, size: gen-mdd", 'rescue.size: there is no size "gen-mdd". Did you mean "gen-md"?'),
    ],
)
def test_a_wrong_part_is_reported_at_its_place(part: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(NodeFileError) as caught:
        load(write(tmp_path, f"rescue: {{{part}}}"))
    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_node_that_is_not_watched_cannot_be_rescued(tmp_path: Path) -> None:
    with pytest.raises(NodeFileError, match="a node with `watch: false` cannot be rescued"):
        load(write(tmp_path, "watch: false", "rescue: {cloud: gcp}"))


def test_the_rescue_s_name_is_free_and_short(tmp_path: Path) -> None:
    path = write(tmp_path, "rescue: {cloud: gcp}")
    path.write_text(path.read_text() + f"  alpha-rescue: {{model: {ID[:-1]}2, cloud: aws, source: m}}\n")
    with pytest.raises(NodeFileError, match="the rescue is called alpha-rescue, as another node is"):
        load(path)
    load(write(tmp_path, "rescue: {cloud: gcp}", name="a" * MAX_RESCUED))
    with pytest.raises(NodeFileError, match="has 18 characters; the name of a node with a rescue has at most 17"):
        load(write(tmp_path, "rescue: {cloud: gcp}", name="a" * (MAX_RESCUED + 1)))


@pytest.mark.parametrize(
    ("line", "rescue", "message"),
    [
        ("size: mem-4xl", "{cloud: gcp}", "rescue: size: 16 vCPU / 120 GiB is more than a Cloud Run job can have"),
        ("disk: 50GiB", "{cloud: gcp}", "rescue: disk: 50 GiB is not available on Google Cloud"),
        ("env: {PORT: '1'}", "{cloud: gcp}", 'rescue: env: "PORT" is reserved for Cloud Run'),
        (
            "size: gen-sm",
            "{cloud: gcp, region: westeurope}",
            'rescue: region: "westeurope" is not the name of a',
        ),
        ("size: gen-sm", "{cloud: azure, region: eu-west-1}", 'rescue: region: "eu-west-1" is not'),
    ],
)
def test_what_the_other_cloud_cannot_do_is_rejected(line: str, rescue: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(NodeFileError) as caught:
        load_checked(write(tmp_path, line, f"rescue: {rescue}"))
    assert message in str(caught.value)
    assert {problem.line for problem in caught.value.problems} == {7}
