"""`pnodes doctor` on all three clouds: before the first `up`, after it, and with problems."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.gcp import iam
from tests.e2e.nodes import spread
from tests.e2e.person import Person
from tests.e2e.world import MakeWorld, World

pytestmark = pytest.mark.e2e


def findings(report: dict[str, Any], level: str) -> dict[str, dict[str, Any]]:
    """Return the findings of one level by `section: check`."""
    return {
        f"{section['title']}: {finding['check']}": finding
        for section in report["sections"]
        for finding in section["findings"]
        if finding["level"] == level
    }


def test_the_doctor_finds_what_is_missing_and_says_the_command_that_mends_it(
    make_world: MakeWorld,
) -> None:
    world = make_world("nodes: {}\n")
    world.nodes(spread(world))
    person = Person(world)

    # Nothing is deployed, so services that `up` will enable are warnings, not failures.
    before = person.json("doctor")
    assert before["ok"]
    assert not findings(before, "failed")
    assert {"Google Cloud, us-central1: services", "Azure, eastus: resource providers"} < findings(
        before, "warning"
    ).keys()

    for name, value in (("numerai-public-id", "public_id"), ("numerai-secret", "secret_key")):
        world.cli.run("config", "set", "--secret", name, world.daemon["numerai"][value])
    world.cli.up()
    person.pnodes("doctor")
    print(person.said)
    after = person.json("doctor")
    assert after["ok"]
    assert not findings(after, "warning")
    fine = findings(after, "ok")
    assert "account 123456789012" in fine["AWS, us-east-1: credentials"]["text"]
    assert "140 vCPUs" in fine["AWS, us-east-1: quota of Fargate"]["text"]
    assert "all 10 services" in fine["Google Cloud, us-central1: services"]["text"]
    assert "all 8" in fine["Azure, eastus: resource providers"]["text"]
    assert "sandbox_user" in fine["Numerai: keys"]["text"]

    # Services are disabled in the clouds' consoles, and a key is deleted.
    switch_off(world)
    world.cli.run("config", "rm", "numerai-secret")
    del world.cli.env["NUMERAI_SECRET_KEY"]
    ill = person.json("doctor", code=1)
    assert not ill["ok"]
    wrong = findings(ill, "failed")
    assert wrong.keys() == {
        "Google Cloud, us-central1: services",
        "Azure, eastus: resource providers",
        "Numerai: keys",
    }
    mends = {name: finding["mend"] for name, finding in wrong.items()}
    enable = "gcloud services enable run.googleapis.com --project sandbox-project"
    assert mends["Google Cloud, us-central1: services"] == enable
    assert "az provider register" in mends["Azure, eastus: resource providers"]
    assert mends["Azure, eastus: resource providers"].endswith("--namespace Microsoft.App")
    assert "pulumi config set --secret numerai-secret" in mends["Numerai: keys"]
    text = person.pnodes("doctor", code=1)
    assert f"-> {enable}" in text


def switch_off(world: World) -> None:
    """Disable services through the clouds' own APIs, as the deployer."""
    google = "https://serviceusage.googleapis.com/v1/projects/sandbox-project/services/run.googleapis.com:disable"
    azure = "https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.App"
    env, scope = world.cli.env, "https://management.azure.com/.default"
    person = {key: value for key, value in iam.PERSON.items() if key != "type"} | {"grant_type": "refresh_token"}
    principal = {"client_id": env["AZURE_CLIENT_ID"], "client_secret": env["AZURE_CLIENT_SECRET"], "scope": scope}
    sign_in = f"https://login.microsoftonline.com/{env['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    with world.client() as client:
        for place, sent, address in (
            ("https://oauth2.googleapis.com/token", person, google),
            (sign_in, {**principal, "grant_type": "client_credentials"}, f"{azure}/unregister?api-version=2021-04-01"),
        ):
            token = client.post(place, data=sent).json()["access_token"]
            client.post(address, headers={"Authorization": f"Bearer {token}"}).raise_for_status()
