"""`pnodes import`: adds the nodes of numerai-cli to nodes.yaml, all or none, and lists the differences."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from nodefile import Node, load
from pnodes.errors import UserError
from tests.pnodes.migrate import old

Pnodes = Callable[..., Result]
SECRET = "A-SECRET-KEY-OF-NUMERAI"
KEYS = {
    "numerai": {"NUMERAI_PUBLIC_ID": "A-PUBLIC-ID", "NUMERAI_SECRET_KEY": SECRET},
    "aws": {"AWS_ACCESS_KEY_ID": "A"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without nodes as working directory, and a home directory."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: prediction-nodes\nruntime: python\n")
    monkeypatch.chdir(project)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    return project


def home(folder: Path, nodes: Any) -> Path:
    """Write numerai-cli's folder with these nodes."""
    return old.write(folder.parent / "home" / ".numerai", nodes, KEYS)


def model(folder: Path, name: str = "alpha") -> Path:
    return old.model(folder / "models" / name)


def said(done: Result) -> str:
    return " ".join((done.stdout + done.stderr).split())


def imported(folder: Path) -> dict[str, Node]:
    return {node.name: node for node in load(folder / "nodes.yaml").nodes}


def test_three_nodes_on_three_clouds(pnodes: Pnodes, folder: Path) -> None:
    home(
        folder,
        {
            "numerai-alpha": old.aws(model(folder), timeout_minutes="90", volume=100),
            "signals-beta": old.gcp(model(folder, "beta"), cron="30 18 ? * 7 *"),
            "crypto-gamma": old.azure(model(folder, "gamma"), cron="0 30 13 * * SUN,TUE"),
        },
    )
    done = pnodes("import", "--no-keys")
    assert done.exit_code == 0, said(done)
    assert (
        (folder / "nodes.yaml")
        .read_text()
        .endswith(
            f"""
nodes:
  numerai-alpha:
    model: {old.IDS[0]}
    tournament: classic
    cloud: aws
    region: us-east-1
    size: mem-md
    source: models/alpha
    timeout: 90m
    disk: 100GiB
    register: false
  signals-beta:
    model: {old.IDS[1]}
    tournament: signals
    cloud: gcp
    region: us-east1
    size: cpu-md
    source: models/beta
    schedule: 30 18 * * 6
    register: false
  crypto-gamma:
    model: {old.IDS[2]}
    tournament: crypto
    cloud: azure
    region: eastus
    size: cpu-sm
    source: models/gamma
    schedule: 30 13 * * SUN,TUE
    register: false
"""
        )
    )
    for sentence in (
        "this line had no effect; now it does",
        "stops no jobs on Azure; now jobs are stopped after 60 minutes",
        "`numerai node destroy` clears the model's webhook at Numerai, even a new one",
        "pulumi config set gcp:project my-project",
        "API keys: left in",
    ):
        assert sentence in said(done)
    assert SECRET not in said(done)
    result = pnodes("validate")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("name", "fields", "wanted", "note"),
    [
        # a node of version 0.3, which had neither provider nor time-out
        ("numerai-a", {"provider": None, "timeout_minutes": None, "cpu": 1024, "memory": 8192},
         {"cloud": "aws", "size": "mem-sm", "timeout": 3600}, "`timeout`: the file has none; now jobs are stopped"),
        ("numerai-a", {"provider": "azure", "cpu": 8192, "memory": 65536}, {}, "73 USD a month even while none runs"),
        ("numerai-a", {"cpu": None, "memory": None}, {"size": "mem-md"}, "numerai-cli's default is mem-md"),
        ("numerai-a", {"docker_repo": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/numerai-a"},
         {"region": "eu-west-1"}, None),
        ("numerai-a", {"docker_repo": None}, {"region": "us-east-1"}, None),
        # `node config --cpu 3 --memory 20`
        ("numerai-a", {"cpu": 3072, "memory": 20480}, {"size": (3.0, 20480)}, "`size`: raised to 4 vCPU / 20 GiB"),
        ("numerai-a", {"cpu": 2048, "memory": 5000}, {"size": (2.0, 5000)}, "`size`: raised to 2 vCPU / 5 GiB"),
        ("numerai-a", {"volume": 15}, {"disk": None}, "every job on AWS has 20 GiB"),
        ("numerai-a", {"volume": "30"}, {"disk": 30}, "the 30 GiB apply only to this node"),
        ("numerai-a", {"volume": 0}, {"disk": None}, None),
        ("numerai-a", {"provider": "gcp", "memory": 4096, "volume": 30}, {"disk": None}, "it had no effect on gcp"),
        ("numerai-a", {"cron": "0 14 L * ? *"}, {"schedule": None}, "NO SCHEDULE: '0 14 L * ? *'"),
        ("numerai-a", {"cron": '"0 14 ? * 3-7 *"'}, {"schedule": "0 14 * * 2-6"}, "in five fields, in UTC"),
        ("numerai-a", {"model_id": None}, {"model": "a"}, "the node runs the model a"),
        ("signals-My_Model", {}, {"name": "signals-my-model", "tournament": "signals"}, "name is signals-my-model"),
        ("numerai-integration_test", {}, {"name": "integration-test", "tournament": "classic"}, "its new name is"),
        ("crypto-" + "x" * 30, {}, {"name": "x" * 20, "tournament": "crypto"}, "its new name is"),
        ("7up", {}, {"name": "up", "tournament": "classic"}, "so it is classic; correct it if that is wrong"),
        ("___", {}, {"name": "node", "tournament": "classic"}, "its new name is"),
        ("mine", {"tournament": 11}, {"tournament": "signals"}, None),
        ("mine", {"tournament": 99}, {"tournament": "classic"}, "so it is classic; correct it if that is wrong"),
        ("numerai-a", {"colour": "red"}, {}, "colour: numerai-cli does not use this either"),
        ("numerai-a", {"model_id": old.IDS[0].upper()}, {"model": old.IDS[0]}, None),
    ],
)  # fmt: skip
def test_what_becomes_of_a_node(
    pnodes: Pnodes, folder: Path, name: str, fields: dict[str, Any], wanted: dict[str, Any], note: str | None
) -> None:
    home(folder, {name: old.aws(model(folder), **fields)})
    done = pnodes("import", "--no-keys", "--json")
    assert done.exit_code == 0, said(done)
    (report,) = json.loads(done.stdout)["nodes"]
    (node,) = imported(folder).values()
    assert (node.name, node.register_webhook) == (report["name"], False)
    for key, value in wanted.items():
        found: Any = getattr(node, key)
        if key == "size":
            found = node.size.preset or (node.size.cpu, node.size.memory)
        if key == "schedule" and node.schedule:
            assert node.schedule.timezone == "UTC"
            found = node.schedule.cron
        assert found == value, key
    if note is None:
        assert report["notes"] == []
    else:
        assert note in " ".join(report["notes"])


@pytest.mark.parametrize(
    ("nodes", "sentences"),
    [
        (None, ["There is no "]),
        ("0.2", ["numerai-cli 0.1 and 0.2, which have no list of nodes: add the node to nodes.yaml by hand"]),
        ("", ["has no nodes, so there is nothing to import"]),
        ("{}", ["has no nodes, so there is nothing to import"]),
        ('{"a": {', ["is not JSON (line 1: "]),
        ("[" * 100_000, ["is not JSON"]),
        ("[]", ["expected a JSON object that maps names to nodes, got a list"]),
        ({"a": None}, ["nodes.json: node a: expected its settings, got nothing."]),
        ({"a": {}, "b": 7}, ["node a: it has no path", "node b: expected its settings, got 7"]),
        ({"a": {"path": 7}}, ["node a: path: expected a string, got 7."]),
        ({"a": {"path": "/nowhere", "cpu": "much"}}, ["node a: cpu: expected a whole number above zero, got 'much'."]),
        ({"a": {"path": "/nowhere", "memory": True}}, ["memory: expected a whole number above zero, got true."]),
        ({"a": {"path": "/nowhere", "cron": 5}}, ["node a: cron: expected a string, got 5."]),
        ({"a": {"path": "/nowhere", "provider": "gcpp"}},
         ["node a: provider: expected aws, gcp or azure, got 'gcpp'. Did you mean \"gcp\"?"]),
        ({"a": {"path": "/nowhere"}, "b": {"path": "/"}},
         ["nodes.json: node a: its folder /nowhere is not on this machine.", "its folder / contains no Dockerfile."]),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_said_and_nothing_is_written(
    pnodes: Pnodes, folder: Path, nodes: Any, sentences: list[str]
) -> None:
    if nodes == "0.2":
        (folder.parent / "home").mkdir()
        (folder.parent / "home" / ".numerai").write_text("[default]\n")
    else:
        home(folder, nodes)
    done = pnodes("import", "--no-keys")
    assert done.exit_code == 2, said(done)
    for sentence in sentences:
        assert sentence in said(done)
    assert [path.name for path in folder.iterdir()] == ["Pulumi.yaml"]


def test_what_a_cloud_cannot_do_is_refused_by_name(pnodes: Pnodes, folder: Path) -> None:
    home(folder, {"numerai-a": old.aws(model(folder), cpu=32768, memory=262144), "signals-b": old.gcp(model(folder))})
    done = pnodes("import", "--no-keys")
    assert done.exit_code == 2, done.output
    assert "the new node numerai-a: size: 32 vCPU / 256 GiB is more than Fargate has" in said(done)
    assert not (folder / "nodes.yaml").exists()
    result = pnodes("import", "--no-keys", "--skip", "numerai-a")
    assert result.exit_code == 0, result.output
    assert list(imported(folder)) == ["signals-b"]
    wrong = pnodes("import", "--no-keys", "--skip", "numerai")
    assert wrong.exit_code == 2, wrong.output
    assert '--skip numerai: there is no such node. Did you mean "numerai-a"?' in said(wrong)


def test_two_nodes_for_one_model_are_refused(pnodes: Pnodes, folder: Path) -> None:
    home(folder, {"numerai-a": old.aws(model(folder)), "numerai-b": old.aws(model(folder))})
    done = pnodes("import", "--no-keys")
    assert done.exit_code == 2, done.output
    assert "the new node numerai-b: model: node numerai-a already runs this model" in said(done)


def test_names_that_become_the_same_are_told_apart(pnodes: Pnodes, folder: Path) -> None:
    nodes = {f"numerai-{'x' * 18}{end}": old.aws(model(folder), model_id=old.IDS[number])
             for number, end in enumerate(("_a", "_b", "_c"))}  # fmt: skip
    home(folder, nodes)
    done = pnodes("import", "--no-keys")
    assert done.exit_code == 0, done.output
    assert list(imported(folder)) == ["x" * 18 + "-a", "x" * 18 + "-b", "x" * 18 + "-c"]
    home(folder, {name: {**fields, "model_id": "m-" + name} for name, fields in
                  {"A_B": nodes[min(nodes)], "a-b": nodes[min(nodes)]}.items()})  # fmt: skip
    done = pnodes("import", "--no-keys")
    assert done.exit_code == 0, done.output
    assert list(imported(folder))[-2:] == ["a-b", "a-b-2"]


def test_a_file_that_is_there_is_added_to(pnodes: Pnodes, folder: Path) -> None:
    model(folder, "mine")
    text = (
        "# mine\ndefaults: {timeout: 2h, context: ., region: eu-west-1, env: {A: b}}   # for all\n\nnodes:\n"
        "  mine:\n    model: 'first'   # in quotes\n    cloud: gcp\n    region: us-central1\n    source: models/mine\n"
    )
    (folder / "nodes.yaml").write_text(text)
    home(folder, {"numerai-alpha": old.aws(model(folder))})
    done = pnodes("import", "--no-keys")
    assert done.exit_code == 0, said(done)
    assert (folder / "nodes.yaml").read_text().startswith(text)
    node = imported(folder)["numerai-alpha"]
    assert (node.timeout, node.context, node.region) == (3600, folder / "models" / "alpha", "us-east-1")
    assert "it inherits env from `defaults`" in said(done)
    before = (folder / "nodes.yaml").read_bytes().replace(old.IDS[0].encode(), b"another-model")
    (folder / "nodes.yaml").write_bytes(before)
    again = pnodes("import", "--no-keys")
    assert again.exit_code == 2, again.output
    assert 'node numerai-alpha: nodes.yaml already has a node "numerai-alpha" of another model.' in said(again)
    assert (folder / "nodes.yaml").read_bytes() == before


def test_nodes_that_are_there_already_need_no_skip(pnodes: Pnodes, folder: Path) -> None:
    first = {
        "numerai-a": old.aws(model(folder)),
        "signals-b": old.gcp(model(folder, "b")),
        "numerai_a": old.aws(model(folder), model_id=old.IDS[3]),
    }
    home(folder, first)
    assert pnodes("import", "--no-keys").exit_code == 0
    again = pnodes("import", "--no-keys")
    assert again.exit_code == 2, said(again)
    assert "nodes.yaml already has all nodes of" in said(again)
    home(folder, {**first, "crypto-c": old.azure(model(folder, "c"))})
    grown = pnodes("import", "--no-keys")
    assert grown.exit_code == 0, said(grown)
    assert "Added 1 node from" in said(grown)
    assert list(imported(folder)) == ["numerai-a", "signals-b", "numerai-a-2", "crypto-c"]


def test_a_folder_elsewhere_is_written_in_full(pnodes: Pnodes, folder: Path) -> None:
    elsewhere = old.model(folder.parent / "elsewhere")
    home(folder, {"numerai-alpha": old.aws(elsewhere)})
    done = pnodes("import", "--no-keys")
    assert imported(folder)["numerai-alpha"].source == elsewhere
    assert f"`source`: {elsewhere} is outside project/ and exists only on your machine" in said(done)


def test_a_shared_folder_becomes_the_context(pnodes: Pnodes, folder: Path) -> None:
    (folder / "models" / "common").mkdir(parents=True)
    old.model(folder / "models" / "alpha", old.DOCKERFILE + "COPY common /common\n")
    home(folder, {"numerai-alpha": old.aws(folder / "models" / "alpha")})
    done = pnodes("import", "--no-keys")
    assert done.exit_code == 0, done.output
    assert imported(folder)["numerai-alpha"].context == folder / "models"


def test_a_dry_run_prints_the_file_and_changes_nothing(pnodes: Pnodes, folder: Path) -> None:
    home(folder, {"numerai-alpha": old.aws(model(folder))})
    done = pnodes("import", "--dry-run")
    assert done.exit_code == 0, said(done)
    assert not (folder / "nodes.yaml").exists()
    assert "This would add 1 node" in done.stderr
    as_json = json.loads(pnodes("import", "--dry-run", "--json").stdout)
    assert as_json["content"] == done.stdout
    assert (as_json["written"], as_json["nodes"][0]["was"]) == (False, "numerai-alpha")
    result = pnodes("import", "--no-keys")
    assert result.exit_code == 0, result.output
    assert (folder / "nodes.yaml").read_text() == done.stdout


def test_an_account_of_several(pnodes: Pnodes, folder: Path) -> None:
    home(folder, {"numerai-alpha": old.aws(model(folder))})
    done = pnodes("import", "--no-keys", "--account", "fund")
    assert done.exit_code == 0, done.output
    assert imported(folder)["numerai-alpha"].account == "fund"
    wrong = pnodes("import", "--no-keys", "--account", "My Fund")
    assert wrong.exit_code == 2, wrong.output
    assert "--account: 'My Fund' is not a valid account name" in said(wrong)


def test_the_environment_can_say_that_keys_stay_where_they_are(
    pnodes: Pnodes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNODES_IMPORT_KEYS", "no")
    home(folder, {"numerai-alpha": old.aws(model(folder))})
    done = pnodes("import")
    assert done.exit_code == 0, said(done)
    assert "left in" in said(done)
    assert "`pnodes import --only-keys` to copy them to it" in said(done)
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".yaml") == ["Pulumi.yaml", "nodes.yaml"]


@pytest.mark.parametrize(
    ("arguments", "keys", "sentence", "code"),
    [
        (["--no-keys", "--only-keys"], KEYS, "leave nothing to do", 2),
        ([], {}, "does not contain NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY", 2),
        ([], KEYS, "The API keys cannot be stored", 1),
    ],
)
def test_keys_that_cannot_be_moved(
    pnodes: Pnodes,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    keys: Any,
    sentence: str,
    code: int,
) -> None:
    monkeypatch.setattr("pnodes.pulumi.find", lambda: None)
    old.write(folder.parent / "home" / ".numerai", {"numerai-alpha": old.aws(model(folder))}, keys)
    done = pnodes("import", *arguments)
    assert done.exit_code == code, done.output
    assert sentence in said(done)
    assert not (folder / "nodes.yaml").exists()


def test_the_help_names_what_is_done(pnodes: Pnodes) -> None:
    assert "~/.numerai/nodes.json" in pnodes("import", "--help").stdout


class Half:
    """Settings of a stack that accept one secret, but not a second one."""

    def __init__(self) -> None:
        self.stack, self.secrets = "live", dict[str, str]()

    def has(self, name: str) -> bool:
        return name in self.secrets

    def set_secret(self, name: str, value: str) -> None:
        if self.secrets:
            raise UserError("the second one fails")
        self.secrets[name] = value

    def remove(self, name: str) -> None:
        del self.secrets[name]


def test_one_key_alone_is_none(pnodes: Pnodes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Half()
    monkeypatch.setattr("pnodes.migrate.import_keys.StackSettings", lambda _: settings)
    home(folder, {"numerai-alpha": old.aws(model(folder))})
    done = pnodes("import")
    assert done.exit_code == 1, done.output
    assert "the second one fails" in said(done)
    assert settings.secrets == {}
    assert not (folder / "nodes.yaml").exists()


def test_half_a_pair_in_the_stack_is_not_made_whole_by_another_pair_s(
    pnodes: Pnodes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Half()
    settings.secrets["numerai-public-id"] = "of another pair"
    monkeypatch.setattr("pnodes.migrate.import_keys.StackSettings", lambda _: settings)
    home(folder, {"numerai-alpha": old.aws(model(folder))})
    done = pnodes("import")
    assert done.exit_code == 1, done.output
    assert "The stack live has numerai-public-id but no numerai-secret" in said(done)
    assert "pulumi config rm numerai-public-id" in said(done)
    assert not (folder / "nodes.yaml").exists()


def test_without_any_numerai_cli_the_nodes_are_missed_first(pnodes: Pnodes, folder: Path) -> None:
    done = pnodes("import")
    assert done.exit_code == 2, done.output
    assert "nodes.json. numerai-cli stores its nodes in" in said(done)


def test_a_refused_node_is_named_as_it_was_so_that_it_can_be_left_out(pnodes: Pnodes, folder: Path) -> None:
    home(folder, {"numerai-My_A": old.gcp(model(folder), cpu=16384, memory=61440), "b-b": old.gcp(model(folder))})
    done = pnodes("import", "--no-keys")
    assert done.exit_code == 2, done.output
    assert "the new node numerai-my-a (numerai-My_A before): size: 16 vCPU / 60 GiB is more than" in said(done)
    assert "Nothing was written. Correct the file, or skip a node with --skip NAME" in said(done)


@pytest.mark.parametrize(
    ("path", "hint"), [("C:\\Users\\me\\model", " (in WSL perhaps /mnt/c/Users/me/model)"), ("\\\\server\\m", "")]
)
def test_a_path_of_windows_is_said_to_be_one(pnodes: Pnodes, folder: Path, path: str, hint: str) -> None:
    home(folder, {"numerai-a": old.aws(Path(path)) | {"path": path}})
    done = pnodes("import", "--no-keys")
    assert done.exit_code == 2, done.output
    assert f"{path} is a Windows path. Replace it by the folder's path on this machine{hint}." in said(done)
