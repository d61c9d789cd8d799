"""The nodes' own secrets: where the values come from, where they go, and who can read them."""

from __future__ import annotations

import json
from pathlib import Path

import pulumi
import pytest

from docs.generate.recorder import PLANTED, Program, Registered
from nodefile import Node
from nodefile.clouds import REGIONS
from providers import own_secrets, stack
from tests.providers import patients
from tests.providers.written import run

WITHOUT = """
defaults: {{cloud: {cloud}, source: m}}
nodes:
  alpha: {{model: {model}1}}
  beta: {{model: {model}2, account: fund}}
  gamma: {{model: {model}3}}
"""
WITH = WITHOUT.replace("1}}", "1, secrets: [EODHD_TOKEN, TIINGO_KEY]}}").replace("fund}}", "fund, secrets: [A_B]}}")
NAMES = {"EODHD_TOKEN", "TIINGO_KEY", "A_B"}


def describe(program: Program) -> dict[tuple[str, str], str]:
    """Return the resources' inputs as text, without the trigger's archive."""
    return {
        (each.type, each.name): json.dumps({**each.inputs, "code": None, "source": None}, default=str)
        for each in program.list_resources()
    }


@pytest.mark.parametrize("cloud", REGIONS)
def test_values_are_secret_inputs_of_the_secret_store_only(cloud: str, tmp_path: Path) -> None:
    program = run(cloud, WITH, tmp_path)
    stored = set()
    for each in program.list_resources():
        text = json.dumps(each.inputs, default=str)
        for name in NAMES:
            if PLANTED + name in text:
                stored.add(name)
                assert each.type.endswith((":SecretVersion", "keyvault:Secret")), each
                assert each.secrets & {"secretString", "secretData", "properties", "properties.value"}, each
    assert stored == NAMES


@pytest.mark.parametrize("cloud", REGIONS)
def test_they_change_nothing_of_nodes_without_secrets(cloud: str, tmp_path: Path) -> None:
    before, after = describe(run(cloud, WITHOUT, tmp_path)), describe(run(cloud, WITH, tmp_path))
    allowed = {
        "aws": ("rolePolicy:RolePolicy", "secretsmanager/", "jobDefinition:JobDefinition"),
        "gcp": ("secretmanager/", "job:Job", ":Permissions"),
        "azure": (":keyvault:", ":RoleAssignment", ":app:Job", ":Permissions"),
    }[cloud]
    changed = {key for key in after.keys() | before.keys() if before.get(key) != after.get(key)}
    assert all(any(part in type_ for part in allowed) for type_, _ in changed), changed
    assert not [key for key in changed if "gamma" in key[1] or "trigger" in key[1] or "watch" in key[1]]
    assert before.keys() - after.keys() == set()


@pytest.mark.parametrize(("cloud", "kind"), [("gcp", ":SecretIamMember"), ("azure", ":RoleAssignment")])
def test_jobs_wait_until_they_may_read_them(cloud: str, kind: str, tmp_path: Path) -> None:
    program = run(cloud, WITH, tmp_path)
    region = f"{cloud}-{REGIONS[cloud]}"
    waits = {each.name.removeprefix(region): each for each in program.list_resources(":Permissions")}
    main, fund = ("-run", "-run-fund") if cloud == "gcp" else ("", "-fund")
    jobs = {each.name: each for each in program.list_resources(":Job") if each.name in ("alpha", "beta")}
    for name, suffix in (("alpha", main), ("beta", fund)):
        assert waits[suffix].urn in jobs[name].depends_on
        roles = [each for each in program.list_resources(kind) if each.urn in waits[suffix].depends_on]
        assert len(roles) == {"-run": 4}.get(suffix, 3), roles
    assert not [each for each in run(cloud, WITHOUT, tmp_path).list_resources(":Permissions") if each.name != region]


def statements(policy: Registered) -> list[dict[str, list[str]]]:
    parsed: list[dict[str, list[str]]] = json.loads(policy.inputs["policy"])["Statement"]
    return parsed


def test_aws_stores_an_accounts_secrets_apart_from_its_keys(tmp_path: Path) -> None:
    program = run("aws", WITH, tmp_path)
    secrets = {each.name: each for each in program.list_resources(":Secret")}
    assert sorted(secrets) == [
        "node-secrets-fund-us-east-1", "node-secrets-us-east-1", "numerai-keys-fund-us-east-1",
        "numerai-keys-us-east-1",
    ]  # fmt: skip
    assert {each.inputs["recoveryWindowInDays"] for each in secrets.values()} == {0}
    version = program.find(":SecretVersion", "node-secrets-us-east-1")
    assert json.loads(version.inputs["secretString"]).keys() == {"EODHD_TOKEN", "TIINGO_KEY"}
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:Secret/{}-1a2b3c4-AbCdEf"
    for suffix in ("", "-fund"):
        own, keys = (arn.format(f"{kind}{suffix}-us-east-1") for kind in ("node-secrets", "numerai-keys"))
        *_, read = statements(program.find(":RolePolicy", f"aws-us-east-1-run{suffix}"))
        assert (read["Action"], read["Resource"]) == (["secretsmanager:GetSecretValue"], [keys, own])
        (watch,) = statements(program.find(":RolePolicy", f"aws-us-east-1-watch{suffix}"))
        assert watch["Resource"] == [keys], "the trigger must not read the models' secrets"
    jobs = {each.name: each for each in program.list_resources(":JobDefinition")}
    references = {
        name: {item["name"]: item["valueFrom"] for item in json.loads(job.inputs["containerProperties"])["secrets"]}
        for name, job in jobs.items()
    }
    own = arn.format("node-secrets-us-east-1")
    assert references["alpha@us-east-1"].items() >= {
        ("EODHD_TOKEN", f"{own}:EODHD_TOKEN::"), ("TIINGO_KEY", f"{own}:TIINGO_KEY::")
    }  # fmt: skip
    assert references["gamma@us-east-1"].keys() == {"NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"}
    assert version.urn in jobs["alpha@us-east-1"].depends_on


def test_google_s_jobs_refer_to_a_version_that_their_identity_may_read(tmp_path: Path) -> None:
    program = run("gcp", WITH, tmp_path)
    ids = {each.name: each.inputs["secretId"] for each in program.list_resources(":Secret")}
    own = {name: ids[f"gcp-us-central1-{name}"] for name in NAMES}
    assert own["EODHD_TOKEN"].startswith("EODHD_TOKEN-")
    readers: dict[str, set[str]] = {}
    for each in program.list_resources(":SecretIamMember"):
        readers.setdefault(each.inputs["secretId"], set()).add(each.inputs["member"].split(":")[1].split("@")[0])
    assert [readers[own[name]] for name in ("EODHD_TOKEN", "TIINGO_KEY", "A_B")] == [
        {"run-b44f8"},
        {"run-b44f8"},
        {"fund-run-b44f8"},
    ]
    job = next(each for each in program.list_resources("cloudrunv2/job:Job") if each.name == "alpha")
    references = {
        env["name"]: env["valueSource"]["secretKeyRef"]
        for env in job.inputs["template"]["template"]["containers"][0]["envs"]
        if "valueSource" in env
    }
    assert references["EODHD_TOKEN"] == {"secret": own["EODHD_TOKEN"], "version": "7"}
    assert references.keys() == {"EODHD_TOKEN", "TIINGO_KEY", "NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"}


def test_two_accounts_may_use_one_secret(tmp_path: Path) -> None:
    text = WITH.replace("[A_B]", "[EODHD_TOKEN]")
    google = run("gcp", text, tmp_path)
    assert len([each for each in google.list_resources(":Secret") if "EODHD" in each.name]) == 1
    members = [each for each in google.list_resources(":SecretIamMember") if "EODHD" in each.name]
    assert len({each.name for each in members}) == 2
    azure = run("azure", text, tmp_path)
    secrets = [each for each in azure.list_resources("keyvault:Secret") if each.name.startswith("eodhd-token")]
    assert {each.name for each in secrets} == {"eodhd-token-eastus", "eodhd-token--fund-eastus"}
    assert len({each.inputs["vaultName"] for each in secrets}) == 2


def test_azure_stores_an_accounts_secrets_in_a_vault_that_the_trigger_cannot_read(tmp_path: Path) -> None:
    program = run("azure", WITH, tmp_path)
    vaults = {each.inputs["vaultName"] for each in program.list_resources("keyvault:Secret")}
    assert len(vaults) == 4
    own = {each.name for each in program.list_resources(":Vault") if each.name.startswith("secrets")}
    readers = [
        each.name for each in program.list_resources(":RoleAssignment") if each.inputs["scope"].split("/")[-1] in own
    ]
    assert sorted(readers) == ["azure-eastus-fund-secrets", "azure-eastus-secrets"]
    job = program.find(":app:Job", "alpha")
    secrets = {each["name"]: each["keyVaultUrl"] for each in job.inputs["configuration"]["secrets"]}
    assert secrets["eodhd-token"] == "https://vault/secrets/eodhd-token-eastus12345678/1"
    assert secrets.keys() == {"eodhd-token", "tiingo-key", "numerai-public-id", "numerai-secret"}
    env = {each["name"]: each.get("secretRef") for each in job.inputs["template"]["containers"][0]["env"]}
    assert (env["EODHD_TOKEN"], env["TIINGO_KEY"]) == ("eodhd-token", "tiingo-key")
    assert program.find(":RoleAssignment", "azure-eastus-secrets").urn in job.depends_on


class Settings:
    """The settings of a stack, with the names of the secret ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, dry_run: bool = False) -> None:
        self.warnings: list[str] = []
        self._patch, self._dry_run = monkeypatch, dry_run

    def read(self, nodes: list[Node], plain: dict[str, str], secret: dict[str, str]) -> dict[str, pulumi.Output[str]]:
        settings = {f"prediction-nodes:{name}": value for name, value in {**plain, **secret}.items()}
        self._patch.setattr(pulumi, "get_project", lambda: "prediction-nodes")
        self._patch.setattr(pulumi.runtime, "get_config", settings.get)
        self._patch.setattr(pulumi.runtime, "is_config_secret", lambda key: key.split(":")[1] in secret)
        self._patch.setattr(pulumi.runtime, "is_dry_run", lambda: self._dry_run)
        self._patch.setattr(pulumi.log, "warn", self.warnings.append)
        return stack._read_secrets(nodes)


NODES = [patients.node(secrets=("B", "A")), patients.node("beta", secrets=("B", "C"))]


def test_up_refuses_missing_and_plain_values_with_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "a token of the deployer")
    with pytest.raises(pulumi.RunError) as caught:
        Settings(monkeypatch).read(NODES, {"B": "plain"}, {"C": ""})
    assert str(caught.value) == (
        "nothing was changed, since the secret A is not set: pulumi config set --secret A;\n"
        "the secret B is plain text in the stack's settings: replace it where it was issued, then "
        "pulumi config set --secret B;\n"
        "the secret C is not set: pulumi config set --secret C"
    )


def test_a_value_that_no_store_takes_is_refused() -> None:
    assert own_secrets.find_mistake("A", "x" * own_secrets.MAX_BYTES, secret=True) is None
    long = own_secrets.find_mistake("A", "é" * own_secrets.MAX_BYTES, secret=True)
    assert long == "the secret A has more than 24 KiB: put long values into a file of the image"


def test_a_preview_goes_on_with_unknown_values(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(monkeypatch, dry_run=True)
    assert settings.read(NODES, {}, {"A": "one", "C": "two"}).keys() == {"A", "B", "C"}
    assert settings.warnings == [
        "`pulumi up` will change nothing, since the secret B is not set: pulumi config set --secret B"
    ]
