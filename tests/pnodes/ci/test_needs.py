"""Which clouds a workflow run logs in to, and which missing settings it reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from pnodes.ci import needs
from tests.e2e.nodes import node, nodes
from tests.e2e.world import IDS

READY = {
    "PULUMI_STACK": "live",
    "PULUMI_BACKEND_URL": "s3://bucket?region=eu-central-1",
    "PULUMI_CONFIG_PASSPHRASE": "x",
    "LOGIN_AWS_ROLE": "x",
    "LOGIN_GCP_PROVIDER": "x",
    "LOGIN_GCP_ACCOUNT": "x",
    "LOGIN_AZURE_CLIENT": "x",
    "LOGIN_AZURE_TENANT": "x",
    "LOGIN_AZURE_SUBSCRIPTION": "x",
}


def folder(path: Path, *clouds: str, settings: str = "encryptionsalt: v1:x\n") -> Path:
    (path / "m").mkdir()
    (path / "m" / "Dockerfile").write_text("FROM scratch\n")
    wanted = [node(f"n{model}", cloud, model, "m") for cloud, model in zip(clouds, IDS, strict=False)]
    (path / "nodes.yaml").write_text(nodes(*wanted))
    (path / "Pulumi.live.yaml").write_text(settings)
    return path


@pytest.mark.parametrize(
    ("backend", "settings", "clouds"),
    [
        ("s3://bucket", "encryptionsalt: v1:x\n", ("aws", "gcp")),
        ("gs://bucket", "encryptionsalt: v1:x\n", ("gcp",)),
        ("azblob://c?storage_account=a", "encryptionsalt: v1:x\n", ("azure", "gcp")),
        ("https://api.pulumi.com", "", ("gcp", "pulumi")),
        (
            "gs://bucket",
            "secretsprovider: awskms://alias/pulumi?region=eu-central-1\nencryptedkey: x\n",
            ("aws", "gcp"),
        ),
        ("gs://bucket", "secretsprovider: azurekeyvault://v.vault.azure.net/keys/k\n", ("azure", "gcp")),
    ],
)
def test_clouds_of_nodes_state_and_secrets(
    tmp_path: Path, backend: str, settings: str, clouds: tuple[str, ...]
) -> None:
    environ = {**READY, "PULUMI_BACKEND_URL": backend, "LOGIN_PULUMI_ORGANIZATION": "mine"}
    found = needs.find_needs(folder(tmp_path, "gcp", "gcp", settings=settings), environ, "PREVIEW")
    assert (found.clouds, found.missing) == (clouds, ())


def test_a_passphrase_is_needed_only_where_the_settings_have_one(tmp_path: Path) -> None:
    environ = {**READY, "PULUMI_CONFIG_PASSPHRASE": ""}
    where = folder(tmp_path, "aws")
    assert "PULUMI_CONFIG_PASSPHRASE is not set" in needs.find_needs(where, environ, "PREVIEW").missing[0]
    (where / "Pulumi.live.yaml").write_text("secretsprovider: awskms://alias/x\nencryptionsalt: v1:old\n")
    assert needs.find_needs(where, environ, "PREVIEW").missing == ()


def test_each_missing_thing_has_its_sentence(tmp_path: Path) -> None:
    where = folder(tmp_path, "aws", "gcp", "azure")
    found = needs.find_needs(where, {"PULUMI_STACK": "someone/prediction-nodes/other"}, "DEPLOY")
    assert [sentence for sentence in found.missing if "PULUMI_BACKEND_URL" in sentence]
    assert [sentence for sentence in found.missing if "There is no Pulumi.other.yaml" in sentence]
    assert "AWS needs the variable AWS_DEPLOY_ROLE, which is not set." in found.missing
    assert (
        "Google Cloud needs the variables GCP_WORKLOAD_IDENTITY_PROVIDER, GCP_DEPLOY_SERVICE_ACCOUNT, which are not "
        "set." in found.missing
    )
    assert [sentence for sentence in found.missing if "AZURE_DEPLOY_CLIENT_ID" in sentence]
    cloud = needs.find_needs(where, {**READY, "PULUMI_BACKEND_URL": "https://api.pulumi.com"}, "DEPLOY")
    assert "PULUMI_ORGANIZATION" in cloud.missing[0]
    assert (
        needs.find_needs(where, {**READY, "PULUMI_BACKEND_URL": "s4://x"}, "DEPLOY")
        .missing[0]
        .startswith("The variable PULUMI_BACKEND_URL begins with s4")
    )


def test_an_access_token_stands_for_a_log_in_to_pulumi_cloud(tmp_path: Path) -> None:
    environ = {**READY, "PULUMI_BACKEND_URL": "https://api.pulumi.com", "PULUMI_ACCESS_TOKEN": "pul-x"}
    found = needs.find_needs(folder(tmp_path, "aws"), environ, "PREVIEW")
    assert (found.clouds, found.missing) == (("aws",), ())


def test_a_file_with_mistakes_needs_no_cloud_of_its_own(tmp_path: Path) -> None:
    where = folder(tmp_path, "gcp")
    (where / "nodes.yaml").write_text("nodes: [")
    assert needs.find_needs(where, READY, "PREVIEW").clouds == ("aws",)


def test_clouds_that_the_state_still_has() -> None:
    types = ["pulumi:pulumi:Stack", "aws:s3/bucket:Bucket", "azure-native:app:Job", "pulumi:providers:gcp"]
    assert needs.list_deployed_clouds({"deployment": {"resources": [{"type": one} for one in types]}}) == {
        "aws",
        "azure",
    }
    assert needs.list_deployed_clouds({}) == set()


def test_a_workflow_logs_in_to_the_cloud_of_a_rescue(tmp_path: Path) -> None:
    where = folder(tmp_path, "aws")
    (where / "nodes.yaml").write_text(nodes(node("alpha", "aws", source="m", extra="rescue: {cloud: gcp}")))
    assert needs.find_needs(where, READY, "PREVIEW").clouds == ("aws", "gcp")
