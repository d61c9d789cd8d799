"""Starting a Container Apps job: permissions, the template in the request, secrets and pulling the image."""

from __future__ import annotations

import json

import pytest

from sandbox.azure import jobs
from sandbox.cloud import CloudError, Resource
from tests.sandbox.azure.cloud import Azure
from tests.sandbox.azure.job import VERSION, World


@pytest.fixture
def world(azure: Azure) -> World:
    return World(azure)


def test_without_a_body_the_template_runs_with_its_secrets(world: World) -> None:
    printed = world.printed(world.start())
    assert printed == {"A": "1", "B": None, "KEY": "planted", "CONTAINER_APP_JOB_NAME": world.job["name"]}


def test_a_body_takes_the_place_of_the_containers(world: World) -> None:
    container = world.inputs["template"]["containers"][0]
    printed = world.printed(world.start({"containers": [{**container, "env": [{"name": "B", "value": "2"}]}]}))
    assert (printed["A"], printed["B"], printed["KEY"]) == (None, "2", None)


def test_a_start_needs_the_right_on_this_job(world: World) -> None:
    world.azure.remove(world.start_right)
    answer = world.start()
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["code"] == "AuthorizationFailed"
    assert world.azure.cloud.kernel.executor.runs() == []


def test_the_trigger_may_list_executions_and_not_stop_them(world: World) -> None:
    container = world.inputs["template"]["containers"][0]
    env = [{"name": "RUN_ID", "value": "run-1"}, {"name": "KEY", "secretRef": "key"}]
    name = world.start({"containers": [{**container, "env": env}]}).json()["name"]
    with world.azure.http(world.azure.token(world.trigger)) as client:
        base = f"https://management.azure.com{world.job.id}"
        (execution,) = client.get(f"{base}/executions?{VERSION}").json()["value"]
        assert execution["properties"]["template"]["containers"][0]["env"] == env[:1], "without secrets"
        assert client.get(f"{base}/executions/{name}?{VERSION}").status_code == 403
        assert client.post(f"{base}/stop/{name}?{VERSION}").status_code == 403
    with world.azure.http(world.azure.token()) as deployer:
        world.azure.cloud.kernel.executor.wait(name, 60)
        executions = deployer.get(f"{base}/executions?{VERSION}").json()["value"]
        assert [(execution["name"], execution["properties"]["status"]) for execution in executions] == [
            (name, "Succeeded")
        ]


def test_an_image_that_the_identity_may_not_pull_fails_the_execution(world: World) -> None:
    world.azure.remove(world.pull)
    run = world.azure.cloud.kernel.executor.wait(world.start().json()["name"], 60)
    assert run.state == "FAILED"
    assert "ImagePullFailure" in run.reason


def test_a_reference_that_the_identity_may_not_read_refuses_start_and_job(world: World) -> None:
    world.azure.remove(world.read)
    assert world.start().status_code == 403
    with pytest.raises(CloudError, match="Unable to get value using Managed identity"):
        world.azure.make(jobs.JOB, "beta", **world.inputs)


def test_an_identity_that_is_not_attached_is_of_no_use(world: World) -> None:
    other = world.azure.identity("other")
    with pytest.raises(CloudError, match="is not assigned to the job"):
        world.azure.change(world.job, identity={"type": "UserAssigned", "userAssignedIdentities": [other.id]})


@pytest.mark.parametrize(
    ("cpu", "memory"), [(0.5, "2Gi"), (0.3, "0.6Gi"), (8, "16Gi"), (0, "0Gi")], ids=["ratio", "step", "large", "none"]
)
def test_sizes_that_consumption_does_not_have(world: World, cpu: float, memory: str) -> None:
    template = json.loads(json.dumps(world.inputs["template"]))
    template["containers"][0]["resources"] = {"cpu": cpu, "memory": memory}
    with pytest.raises(CloudError, match="InvalidResourceTotal"):
        world.azure.make(jobs.JOB, "beta", **(world.inputs | {"template": template}))


@pytest.mark.parametrize("name", ["a" * 33, "Upper", "two--hyphens", "1st", "a", "end-"])
def test_names_that_a_job_cannot_have(world: World, name: str) -> None:
    with pytest.raises(CloudError, match="InvalidResourceName"):
        world.azure.make(jobs.JOB, "beta", **world.inputs, jobName=name)


def test_identities_come_back_as_a_map(world: World) -> None:
    described: Resource = world.job
    assert described["identity"]["userAssignedIdentities"] == {
        world.puller.id: {"principalId": world.puller["principalId"], "clientId": world.puller["clientId"]}
    }
    preview = world.azure.cloud.handlers[jobs.JOB].preview_outputs(world.inputs)
    assert list(preview["identity"]["userAssignedIdentities"]) == [world.puller.id]
