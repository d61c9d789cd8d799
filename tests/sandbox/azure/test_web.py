"""The function app: publishing with the product's code, and the deployed package in its own process."""

from __future__ import annotations

import contextlib
import io
import time
import zipfile
from typing import Any

import httpx
import pytest

from providers.azure.archive import ARCHIVE
from providers.azure.code import CodeProvider, PublishError
from providers.azure.roles import TRIGGER_CONDITION
from sandbox.azure import web
from sandbox.cloud import CloudError, Resource
from sandbox.faults import Fault
from tests.sandbox.azure.cloud import PLACE, Azure
from tests.sandbox.azure.function import MODEL, World
from trigger.archive import Archive
from trigger.table import TABLE_SECONDS

BODY = {"roundNumber": 371, "dataVersion": 1, "triggerId": "6f1d5f0a-9d53-4f3a-8e11-000000000001"}


@pytest.fixture
def world(azure: Azure) -> World:
    return World(azure)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> CodeProvider:
    monkeypatch.setattr(CodeProvider, "poll_seconds", 0.01)
    monkeypatch.setattr(CodeProvider, "publish_seconds", 0.1)
    monkeypatch.setattr(CodeProvider, "health_seconds", 0.1)
    return CodeProvider()


@pytest.fixture
def published(world: World, provider: CodeProvider, deployer: str) -> httpx.Client:
    outputs = provider.create(world.props(deployer)).outs
    assert outputs is not None
    assert "token" not in outputs
    return world.azure.http()


def test_an_app_without_code_has_nothing_to_say(world: World) -> None:
    with world.azure.http() as client:
        assert client.get(f"{world.url}/health").status_code == 404


def test_the_published_package_runs_and_knows_its_digest(world: World, published: httpx.Client) -> None:
    answer = published.get(f"{world.url}/health")
    assert answer.json() == {"package": ARCHIVE.digest()}
    answer = published.get(f"{world.url}/health/{MODEL}")
    assert answer.json() == {"node": "alpha", "package": ARCHIVE.digest()}
    assert published.get(f"{world.url}/health/other").status_code == 404


def test_paths_and_tokens_reach_the_core(world: World, published: httpx.Client) -> None:
    assert published.post(f"{world.url}/pred/{MODEL}?token=wrong", json=BODY).status_code == 401
    assert published.post(f"{world.url}/pred/other/token", json=BODY).status_code == 404
    assert published.post(f"{world.url}/pred/{MODEL}/token", content=b"{").status_code == 400
    assert published.get(f"{world.url}/pred/{MODEL}/token").status_code == 405
    assert published.get(f"{world.url}/").status_code == 404


def test_a_claim_uses_the_app_s_identity_and_a_job_that_is_gone_is_a_502(world: World, published: httpx.Client) -> None:
    answer = published.post(f"{world.url}/pred/{MODEL}?token=token", json=BODY)
    assert answer.status_code == 502, answer.text
    assert answer.json()["status"] == "failed"
    assert "404 ResourceNotFound" in answer.json()["reason"]
    world.azure.remove(world.role)
    answer = published.post(f"{world.url}/pred/{MODEL}?token=token", json=BODY)
    assert answer.status_code == 503, answer.text
    assert "403 AuthorizationPermissionMismatch" in answer.text


def test_claims_are_possible_only_where_the_condition_of_the_role_holds(world: World, published: httpx.Client) -> None:
    world.azure.change(world.role, condition=TRIGGER_CONDITION.replace("'claims-'", "'other-'"))
    assert published.get(f"{world.url}/health/{MODEL}").status_code == 200, "the table is not a blob"
    answer = published.post(f"{world.url}/pred/{MODEL}?token=token", json=BODY)
    assert answer.status_code == 503, answer.text
    assert "403 AuthorizationPermissionMismatch" in answer.text


def test_a_change_of_settings_restarts_the_app_with_them(world: World, published: httpx.Client) -> None:
    elsewhere = world.azure.account("empty12")["primaryEndpoints"]["blob"]
    world.azure.change(world.site, siteConfig=world.config(STORE_URL=elsewhere))
    assert published.get(f"{world.url}/health/{MODEL}").status_code == 404


def test_a_change_of_a_row_takes_effect_without_a_restart(
    world: World, published: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions = world.azure.cloud.kernel.functions
    started: list[str] = []
    monkeypatch.setattr(functions, "_start", lambda key, _: started.append(key))
    world.azure.change(world.row, metadata=world.columns(enabled="no"))
    deadline = time.monotonic() + 2 * TABLE_SECONDS
    while (answer := published.post(f"{world.url}/pred/{MODEL}?token=token", json=BODY)).status_code != 403:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    assert "disabled" in answer.text
    assert started == []


def test_a_claim_that_is_refused_for_the_moment_is_made_again(world: World, published: httpx.Client) -> None:
    for status in (429, 503):
        world.azure.cloud.faults.order(Fault("blob.core.windows.net", method="PUT", status=status))
    answer = published.post(f"{world.url}/pred/{MODEL}?token=token", json=BODY)
    assert "404 ResourceNotFound" in answer.text, "the claim was made, and the job does not exist"


def test_the_host_s_own_paths_are_closed(world: World, published: httpx.Client) -> None:
    assert published.get(f"{world.url}/admin/functions").status_code == 401


def test_a_schedule_in_the_table_runs_at_the_timer_s_next_tick(world: World, published: httpx.Client) -> None:
    timers = world.azure.cloud.kernel.store
    assert timers.get("azure:timers", world.site["name"]) == {"schedule": "0 * * * * *", "watch": "0 */5 * * * *"}
    assert published.get(f"{world.url}/health").status_code == 200
    world.azure.change(world.row, metadata=world.columns(cron="* * * * *", timezone="Asia/Tokyo"))
    time.sleep(TABLE_SECONDS)
    world.azure.cloud.clock.fire(world.site["name"], "schedule")
    lines = world.azure.cloud.kernel.functions.log_lines(web.key(world.site["name"]))
    assert [(line["node"], line["route"]) for line in lines] == [("", "health"), ("", "health"), ("alpha", "schedule")]


def test_only_the_deployer_publishes(world: World, provider: CodeProvider, deployer: str) -> None:
    assert deployer
    with pytest.raises(PublishError, match="HTTP 403"):
        provider.create(world.props(world.azure.token(world.azure.identity("other"))))


def test_an_identity_that_may_not_write_its_container_is_a_failed_deployment(
    world: World, provider: CodeProvider, deployer: str
) -> None:
    world.azure.remove(world.owner)
    with pytest.raises(PublishError, match=r"BlobUploadFailedException.*run `pulumi up` again"):
        provider.create(world.props(deployer))


def test_files_without_permission_bits_are_no_functions(
    world: World, provider: CodeProvider, deployer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name, text in ARCHIVE.files().items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100000 << 16
            bundle.writestr(entry, text)
    monkeypatch.setattr(Archive, "package", lambda _self: buffer.getvalue())
    with pytest.raises(PublishError, match="is not running"):
        provider.create(world.props(deployer))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"functionAppConfig": {}}, "FunctionAppConfig is invalid"),
        ({"serverFarmId": "/none"}, "Cannot find serverfarm"),
        (
            {"siteConfig": {"appSettings": [{"name": "WEBSITE_RUN_FROM_PACKAGE", "value": "1"}]}},
            "not supported on Flex",
        ),
        ({"siteConfig": {"netFrameworkVersion": "v4.6"}}, "SiteConfig.netFrameworkVersion.*is invalid"),
    ],
)
def test_apps_that_azure_refuses(world: World, change: dict[str, Any], message: str) -> None:
    with pytest.raises(CloudError, match=message):
        world.azure.change(world.site, **change)


@pytest.mark.parametrize(("region", "accepted"), [("eastus", False), ("westeurope", True)])
def test_some_regions_accept_fewer_than_40_instances(world: World, region: str, accepted: bool) -> None:
    scale = {"instanceMemoryMB": 512, "maximumInstanceCount": 1}
    plan = world.azure.make(web.PLAN, "p", **PLACE, sku={"name": "FC1", "tier": "FlexConsumption"})
    config = {**world.inputs["functionAppConfig"], "scaleAndConcurrency": scale}
    inputs = {**world.inputs, "functionAppConfig": config, "serverFarmId": plan.id, "location": region}
    with contextlib.nullcontext() if accepted else pytest.raises(CloudError, match="out of range"):
        world.azure.make(web.SITE, "beta", **inputs)


def test_a_plan_holds_one_app_and_goes_after_it(world: World) -> None:
    with pytest.raises(CloudError, match="holds one app"):
        world.azure.make(web.SITE, "beta", **world.inputs)
    plan = world.azure.cloud.resources(web.PLAN)[0]
    with pytest.raises(CloudError, match="has web app"):
        world.azure.remove(plan)
    world.azure.remove(world.site)
    world.azure.remove(plan)


def test_a_deleted_app_leaves_nothing(world: World, published: httpx.Client) -> None:
    site: Resource = world.site
    world.azure.remove(site)
    assert published.get(f"{world.url}/health").status_code == 404
    assert web.key(site["name"]) not in world.azure.cloud.kernel.functions.names()
