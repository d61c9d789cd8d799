"""The product's archive in its own process under functions-framework, with the granted permissions."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from providers.gcp.archive import ARCHIVE
from providers.gcp.code import CodeError, CodeProvider
from sandbox.cloud import CloudError, PartlyCreated, Resource
from sandbox.faults import Fault
from sandbox.gcp import functions, scheduler, storage
from sandbox.values import UNKNOWN
from tests.sandbox.gcp.cloud import BUCKET_MEMBER, REGION, SERVICE_MEMBER, Google
from tests.sandbox.gcp.function import MODEL, OTHER, World
from tests.waiting import wait_until
from trigger.http_call import START_TIMEOUT, TIMEOUT
from trigger.table import TABLE_SECONDS


@pytest.fixture
def world(google: Google) -> World:
    return World(google)


def test_the_deployed_archive_answers_under_run_app(world: World) -> None:
    uri = world.function["serviceConfig"]["uri"]
    assert uri.startswith(f"https://{world.function['name']}-")
    assert uri.endswith("-uc.a.run.app")
    assert world.health().json() == {"package": ARCHIVE.digest()}
    assert world.health(MODEL).json() == {"node": "alpha", "package": ARCHIVE.digest()}
    assert world.health(OTHER).json() == {"node": "beta", "package": ARCHIVE.digest()}


def test_a_call_claims_starts_the_job_and_a_repeat_does_not(world: World) -> None:
    trigger = str(uuid.uuid4())
    first, again = world.call(trigger=trigger), world.call(f"/pred/{MODEL}/data", trigger)
    assert first.status_code == 202, first.text
    assert again.status_code == 200, first.text
    assert first.json()["job"] == again.json()["job"]
    executor = world.google.cloud.kernel.executor
    (run,) = executor.runs("gcp")
    assert first.json()["job"] == f"{world.job.id}/executions/{run.run_id}"
    executor.wait(run.run_id, 60)
    assert json.loads(executor.logs(run.run_id))["TRIGGER_ID"] == trigger
    log = world.google.cloud.kernel.functions.log_lines(functions.key(world.function["name"]))
    assert [line["http"] for line in log] == [202, 200]


def test_without_the_right_to_run_the_start_fails_and_may_be_repeated(world: World) -> None:
    trigger = str(uuid.uuid4())
    world.google.remove(world.may_run)
    refused = world.call(trigger=trigger)
    assert refused.status_code == 502, refused.text
    assert "run.jobs.run" in refused.json()["reason"]
    world.google.grant_job(world.trigger, world.job)
    answer = world.call(trigger=trigger)
    assert answer.status_code == 202, answer.text
    assert len(world.google.cloud.kernel.executor.runs("gcp")) == 1


def test_without_the_right_to_claim_nothing_starts(world: World) -> None:
    assert world.health(MODEL).status_code == 200
    world.google.remove(world.may_claim)
    refused = world.call()
    assert refused.status_code == 503, refused.text
    assert "storage.objects.create" in refused.json()["reason"]
    assert world.google.cloud.kernel.executor.runs("gcp") == []


def test_who_may_claim_but_not_read_cannot_repeat(world: World) -> None:
    assert world.health(MODEL).status_code == 200
    world.google.remove(world.may_claim)
    creator = world.google.role("creator", ["storage.objects.create"])
    world.google.grant(BUCKET_MEMBER, world.trigger, creator["name"], bucket=world.bucket["name"])
    trigger = str(uuid.uuid4())
    assert [world.call(trigger=trigger).status_code for _ in range(2)] == [202, 503]


def test_a_function_is_closed_until_everybody_may_invoke_it(world: World) -> None:
    world.google.remove(world.public)
    assert world.call().status_code == 403


def test_each_node_has_its_own_job_and_claims(world: World) -> None:
    trigger = str(uuid.uuid4())
    first, second = world.call(trigger=trigger), world.call(f"/pred/{OTHER}?token=data", trigger)
    assert (first.status_code, second.status_code) == (202, 202)
    jobs = [run.job for run in world.google.cloud.kernel.executor.runs("gcp")]
    assert sorted(jobs) == sorted([world.job.id, world.other_job.id])
    bucket = world.google.cloud.kernel.store.list_blobs("gcp/claims-1", "claims/")
    claims = [f"claims/{node}/{trigger}/1.{end}" for node in ("alpha", "beta") for end in ("claim", "started")]
    assert sorted(bucket) == sorted([*claims, "claims/alpha/round-371/1.claim", "claims/beta/round-371/1.claim"])


def test_rows_come_change_and_go_without_another_process(world: World) -> None:
    world.google.remove(world.row)
    assert world.health(MODEL).status_code == 404
    deployed = world.google.cloud.kernel.functions._deployed[functions.key(world.function["name"])]
    process = deployed.process
    row = world.add_row("alpha", MODEL, world.job)
    disabled = world.add_row("alpha", MODEL, world.job, enabled="no")
    world.google.remove(row)
    wait_until(lambda: world.call().status_code == 403, "the disabled row is not read", TABLE_SECONDS + 10)
    world.add_row("alpha", MODEL, world.job)
    world.google.remove(disabled)
    wait_until(lambda: world.call().status_code == 202, "the enabled row is not read", TABLE_SECONDS + 10)
    assert deployed.process is process


def test_a_busy_store_and_a_busy_cluster_are_asked_again(world: World) -> None:
    for where, method in (("storage.googleapis.com/upload", "POST"), ("run.googleapis.com", "POST")):
        for status in (429, 503):
            world.google.cloud.faults.order(Fault(where, method, status=status))
            assert world.call().status_code == 202
    assert len(world.google.cloud.kernel.executor.runs("gcp")) == 4


def test_a_start_whose_answer_is_lost_is_found(world: World) -> None:
    world.google.cloud.faults.order(Fault("run.googleapis.com", seconds=START_TIMEOUT + 1))
    trigger = str(uuid.uuid4())
    first, again = world.call(trigger=trigger), world.call(trigger=trigger)
    assert (first.status_code, again.status_code) == (202, 200), first.text
    (run,) = world.google.cloud.kernel.executor.runs("gcp")
    assert first.json()["job"] == f"{world.job.id}/executions/{run.run_id}"


def test_a_creation_whose_answer_is_lost_is_known_as_its_own(world: World) -> None:
    world.google.cloud.faults.order(Fault("storage.googleapis.com/upload", seconds=TIMEOUT + 1))
    answer = world.call()
    assert (answer.status_code, answer.json()["attempt"]) == (202, 1), answer.text


def test_new_code_redeploys(world: World) -> None:
    changed = world.inputs()
    code = b"import functions_framework\n@functions_framework.http\ndef webhook(request):\n    return 'new code'\n"
    new = {"bucket": world.bucket["name"], "name": "source/new.zip", "source": {"main.py": code}}
    world.google.make(storage.OBJECT, "new", **new)
    changed["buildConfig"]["source"]["storageSource"]["object"] = "source/new.zip"
    world.google.change(world.function, **changed)
    assert world.health().text == "new code"


def test_a_removed_function_is_gone(world: World) -> None:
    world.google.remove(world.function)
    assert world.health().status_code == 404
    assert world.google.cloud.kernel.functions.names() == []


DENIED = "packager-account@x.iam.gserviceaccount.com does not have storage.objects.get access to the object"


def fail_first_build(world: World, times: int = 1) -> tuple[Resource, dict[str, Any]]:
    """Create a function whose build fails; return it with the inputs of its code's resource."""
    world.google.cloud.faults.order(Fault("/functions/beta", "BUILD", times=times, reason=DENIED))
    handler = world.google.cloud.handlers[functions.FUNCTION]
    inputs = {"name": "beta", **world.inputs()}
    function = Resource(functions.FUNCTION, "urn", "beta", "", inputs, copy.deepcopy(inputs))
    with pytest.raises(PartlyCreated, match=r"storage\.objects\.get"):
        handler.create(function)
    world.google.cloud.save(function)
    build = function.inputs["buildConfig"]
    return function, {"function": function.id, "build": build, "token": world.google.token()}


def test_a_function_whose_first_build_failed_has_no_service(world: World) -> None:
    function, _ = fail_first_build(world)
    assert (function["state"], function["serviceConfig"]["uri"]) == ("FAILED", "")
    with pytest.raises(CloudError, match="services/beta was not found"):
        world.google.grant(SERVICE_MEMBER, "allUsers", "roles/run.invoker", location=REGION, name="beta")


@pytest.mark.usefixtures("deployer")
def test_a_failed_function_is_built_again_until_its_builder_s_rights_have_an_effect(world: World) -> None:
    function, props = fail_first_build(world, times=3)
    code = CodeProvider()
    code.poll_seconds = code.repeat_seconds = 0.01
    outputs = code.create(props).outs or {}
    assert outputs["url"].startswith("https://beta-")
    assert "token" not in outputs
    built = world.google.cloud.get(functions.FUNCTION, function.id)
    assert built is not None
    assert (built["state"], built["serviceConfig"]["uri"]) == ("ACTIVE", outputs["url"])
    world.google.grant(SERVICE_MEMBER, "allUsers", "roles/run.invoker", location=REGION, name="beta")
    with world.google.http(token="") as client:
        assert client.get(f"{outputs['url']}/health").json() == {"package": ARCHIVE.digest()}
    # An active function is left alone.
    world.google.cloud.faults.order(Fault("cloudfunctions.googleapis.com", "PATCH", status=500))
    assert code.update("", outputs, props).outs == outputs


@pytest.mark.usefixtures("deployer")
def test_a_function_that_cannot_be_built_is_an_error_with_its_reason(world: World) -> None:
    _, props = fail_first_build(world)
    world.google.remove(world.packaging[0])
    code = CodeProvider()
    code.poll_seconds = code.repeat_seconds = code.build_seconds = 0.01
    with pytest.raises(CodeError, match=r"could not be built: .*logging.logEntries.create.* Run `pulumi up` again"):
        code.create(props)


def test_the_code_is_compared_by_function_and_build() -> None:
    olds = {"function": "f", "build": {"runtime": "python313"}, "url": "https://x", "token": "old"}
    code = CodeProvider()
    assert not code.diff("", olds, {**olds, "token": "new"}).changes
    assert code.diff("", olds, {**olds, "build": {"runtime": "python314"}}).changes


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_the_build_takes_all_three_rights_of_its_account(world: World, missing: int) -> None:
    world.google.remove(world.packaging[missing])
    with pytest.raises(CloudError, match="Build failed: packager-account@"):
        world.google.make(functions.FUNCTION, "beta", **world.inputs())


def test_builds_need_a_repository_whose_tags_can_move(world: World) -> None:
    frozen, inputs = world.google.repository("frozen", immutable=True), world.inputs()
    inputs["buildConfig"]["dockerRepository"] = frozen.id
    with pytest.raises(CloudError, match="immutable tags"):
        world.google.make(functions.FUNCTION, "beta", **inputs)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda inputs: inputs["buildConfig"].update(runtime="python27"), "runtime python27 is not supported"),
        (lambda inputs: inputs["serviceConfig"].update(serviceAccountEmail="x@y"), "service account does not exist"),
        (lambda inputs: inputs["buildConfig"]["source"]["storageSource"].update(object="none"), "was not found"),
        (lambda inputs: inputs.update(name="a" * 50), "Invalid name"),
        (lambda inputs: inputs.update(labels={"Team": "x"}), "Invalid label"),
    ],
    ids=["runtime", "account", "source", "name", "label"],
)
def test_what_is_refused(world: World, change: Callable[[dict[str, Any]], None], sentence: str) -> None:
    inputs = world.inputs()
    change(inputs)
    with pytest.raises(CloudError, match=sentence):
        world.google.make(functions.FUNCTION, "beta", **inputs)


def test_the_address_is_unknown_in_a_preview(world: World) -> None:
    handler = world.google.cloud.handlers[functions.FUNCTION]
    assert handler.preview_outputs(world.inputs())["serviceConfig"]["uri"] == UNKNOWN


def schedule(world: World, **inputs: Any) -> Resource:
    target = {
        "httpMethod": "POST",
        "uri": f"{world.function['serviceConfig']['uri']}/schedule/{MODEL}",
        "headers": {"X-Trigger-Token": "data", "Content-Type": "application/json"},
        "body": "e30=",
    }
    defaults = {"region": REGION, "schedule": "0 13 * * TUE-SAT", "timeZone": "America/New_York", "httpTarget": target}
    return world.google.make(scheduler.JOB, "alpha", **(defaults | inputs))


def test_a_schedule_fires_at_its_own_zone_s_time_once(world: World) -> None:
    job = schedule(world)
    clock, due = world.google.cloud.clock, datetime(2026, 7, 14, 17, 0, tzinfo=UTC)
    assert clock.tick(datetime(2026, 7, 14, 13, 0, tzinfo=UTC)) == []
    assert clock.tick(datetime(2026, 7, 13, 17, 0, tzinfo=UTC)) == []  # a Monday
    assert [answer.status for answer in clock.tick(due)] == [202]
    assert clock.fire(job, due).status == 200
    (run,) = world.google.cloud.kernel.executor.runs("gcp")
    assert run.trigger_id == ""


def test_a_paused_schedule_does_not_fire(world: World) -> None:
    schedule(world, paused=True)
    assert world.google.cloud.clock.tick(datetime(2026, 7, 14, 17, 0, tzinfo=UTC)) == []


@pytest.mark.parametrize(
    "inputs", [{"schedule": "not cron"}, {"schedule": "0 25 * * *"}, {"timeZone": "Mars/Base"}], ids=str
)
def test_schedules_that_the_service_refuses(world: World, inputs: dict[str, str]) -> None:
    with pytest.raises(CloudError, match="Schedule or time zone is invalid"):
        schedule(world, **inputs)


def test_a_schedule_whose_url_has_no_host_is_refused(world: World) -> None:
    for uri in ("/schedule/x", "https:///schedule/x"):
        with pytest.raises(CloudError, match="is not an address"):
            schedule(world, httpTarget={"httpMethod": "POST", "uri": uri})
