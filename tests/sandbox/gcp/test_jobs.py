"""Cloud Run jobs: permissions for runs and overrides, secrets, sizes and names."""

from __future__ import annotations

import pytest

from sandbox.cloud import CloudError
from sandbox.gcp import run
from tests.sandbox.gcp.cloud import Google
from tests.sandbox.gcp.job import World


@pytest.fixture
def world(google: Google) -> World:
    return World(google)


def test_variables_are_added_to_the_job_s_own(world: World) -> None:
    added = {"containerOverrides": [{"env": [{"name": "B", "value": "2"}, {"name": "TRIGGER_ID", "value": "t"}]}]}
    assert world.printed(world.start(added)) == {
        "A": "1",
        "B": "2",
        "KEY": "planted",
        "TRIGGER_ID": "t",
        "CLOUD_RUN_JOB": world.job["name"],
    }


def test_arguments_take_the_place_of_the_image_s_command(world: World) -> None:
    task = world.job.inputs["template"]["template"]
    container = {**task["containers"][0], "args": ["python", "-c", 'print(\'{"A": "args"}\')']}
    world.google.change(world.job, template={"template": {**task, "containers": [container]}})
    assert world.printed(world.start()) == {"A": "args"}


def test_running_with_overrides_takes_both_permissions(world: World) -> None:
    world.google.remove(world.may_run)
    assert world.start().status_code == 403
    world.google.role("only_run", ["run.jobs.run"])
    world.grant("only_run")
    refused = world.start({"containerOverrides": [{"env": []}]})
    assert refused.status_code == 403, refused.text
    assert "run.jobs.runWithOverrides" in refused.json()["error"]["message"]
    assert world.start().status_code == 200


def test_the_right_is_one_job_s(world: World) -> None:
    other = world.google.job("beta", world.account, world.image)
    with world.google.http(world.trigger) as client:
        assert client.post(f"https://run.googleapis.com/v2/{other.id}:run", json={}).status_code == 403


def test_neither_image_nor_command_can_be_overridden(world: World) -> None:
    for field in ("image", "command"):
        answer = world.start({"containerOverrides": [{field: "x"}]})
        assert answer.status_code == 400, answer.text
        assert field in answer.text


def test_the_trigger_lists_executions_and_may_neither_read_nor_cancel_one(world: World) -> None:
    name = world.start().json()["metadata"]["name"]
    world.google.cloud.kernel.executor.wait(name.rsplit("/", 1)[-1], 60)
    job = f"https://run.googleapis.com/v2/{world.job.id}"
    with world.google.http(world.trigger) as trigger:
        assert trigger.get(f"https://run.googleapis.com/v2/{name}").status_code == 403
        assert [each["name"] for each in trigger.get(f"{job}/executions").json()["executions"]] == [name]
        assert trigger.get(job).status_code == 403
        assert trigger.post(f"https://run.googleapis.com/v2/{name}:cancel", json={}).status_code == 403
    other = world.google.job("beta", world.account, world.image)
    with world.google.http(world.trigger) as trigger:
        assert trigger.get(f"https://run.googleapis.com/v2/{other.id}/executions").status_code == 403
    with world.google.http() as deployer:
        (execution,) = deployer.get(f"https://run.googleapis.com/v2/{world.job.id}/executions").json()["executions"]
        assert execution == deployer.get(f"https://run.googleapis.com/v2/{name}").json()
    assert (execution["succeededCount"], execution["conditions"][0]["state"]) == (1, "CONDITION_SUCCEEDED")


def test_a_container_that_exited_is_told_by_the_reason(world: World) -> None:
    image = world.google.image(world.google.repository("more"), "raise SystemExit(3)")
    job = world.google.job("gamma", world.account, image)
    with world.google.http() as deployer:
        started = deployer.post(f"https://run.googleapis.com/v2/{job.id}:run", json={}).json()["metadata"]["name"]
        world.google.cloud.kernel.executor.wait(started.rsplit("/", 1)[-1], 60)
        (completed,) = deployer.get(f"https://run.googleapis.com/v2/{started}").json()["conditions"]
    assert (completed["state"], completed["executionReason"]) == ("CONDITION_FAILED", "NON_ZERO_EXIT_CODE")


def test_executions_are_listed_in_pages_with_the_newest_first(world: World) -> None:
    started = [world.start().json()["metadata"]["name"] for _ in range(3)]
    url = f"https://run.googleapis.com/v2/{world.job.id}/executions"
    with world.google.http(world.trigger) as trigger:
        first = trigger.get(url, params={"pageSize": "2"}).json()
        second = trigger.get(url, params={"pageSize": "2", "pageToken": first["nextPageToken"]}).json()
    assert [each["name"] for each in first["executions"] + second["executions"]] == started[::-1]
    assert "nextPageToken" not in second


def test_a_secret_that_the_job_s_account_may_not_read_refuses_job_and_run(world: World) -> None:
    world.google.remove(world.read)
    assert world.start().status_code == 403
    with pytest.raises(CloudError, match="Permission denied on secret"):
        world.google.job("beta", world.account, world.image, container={"envs": world.envs()})


def test_a_destroyed_version_is_no_value(world: World) -> None:
    world.google.remove(world.version)
    assert world.start().status_code != 200


def test_the_job_s_own_rights_are_its_account_s(world: World) -> None:
    script = (
        "import json, urllib.request as u\n"
        "r = u.Request('http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token',"
        " headers={'Metadata-Flavor': 'Google'})\n"
        "print(json.dumps({'A': json.load(u.urlopen(r))['access_token']}))\n"
    )
    image = world.google.image(world.google.repository("more"), script)
    job = world.google.job("gamma", world.account, image)
    with world.google.http() as deployer:
        token = world.printed(deployer.post(f"https://run.googleapis.com/v2/{job.id}:run", json={}))["A"]
    with world.google.http(token=token) as client:
        assert client.post(f"https://run.googleapis.com/v2/{world.job.id}:run", json={}).status_code == 403


@pytest.mark.parametrize(
    ("cpu", "memory"), [("3", "4Gi"), ("1", "8Gi"), ("4", "1Gi"), ("16", "32Gi"), ("lots", "1Gi"), ("1", "1G")]
)
def test_sizes_that_cloud_run_does_not_have(world: World, cpu: str, memory: str) -> None:
    with pytest.raises(CloudError, match="Error 400"):
        world.google.job(
            "beta", world.account, world.image, container={"resources": {"limits": {"cpu": cpu, "memory": memory}}}
        )


@pytest.mark.parametrize("timeout", ["60", "200h", f"{169 * 3600}s"])
def test_time_outs_that_cloud_run_does_not_have(world: World, timeout: str) -> None:
    with pytest.raises(CloudError, match="timeout"):
        world.google.job("beta", world.account, world.image, timeout=timeout)


def test_an_image_or_account_that_is_not_there(world: World) -> None:
    with pytest.raises(CloudError, match="not found"):
        world.google.job("beta", world.account, world.image.replace("sha256:", "sha256:0"))
    world.google.remove(world.account)
    with pytest.raises(CloudError, match="does not exist"):
        world.google.job("beta", world.account, world.image)


@pytest.mark.parametrize("name", ["Upper", "1st", "ends-", "a" * 64, "under_score"])
def test_names_that_a_job_cannot_have(world: World, name: str) -> None:
    with pytest.raises(CloudError, match="Invalid name"):
        world.google.make(run.JOB, "beta", **(world.job.inputs | {"name": name}))


def test_a_protected_job_stays(world: World) -> None:
    protected = world.google.change(world.job, deletionProtection=True)
    with pytest.raises(CloudError, match="deletion_protection"):
        world.google.remove(protected)
