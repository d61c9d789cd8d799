"""The resources that Google Cloud nodes register: their parents, number, permissions, names and secrets."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from docs.generate.mocks.gcp import PROJECT
from docs.generate.recorder import Registered
from providers.gcp import cluster
from providers.gcp.archive import ARCHIVE
from providers.gcp.services import SERVICES, list_services
from tests.providers.gcp.program import Program, problems
from trigger.table import Row

Make = Callable[..., Program]
ALPHA, BETA, GAMMA = (f"5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c0{number}" for number in (1, 2, 3))
HEAD = "defaults: {cloud: gcp, source: m}\nnodes:\n"
TWO = f"""
defaults: {{cloud: gcp, source: m, tags: {{team: quants}}}}
nodes:
  alpha: {{model: {ALPHA}, schedule: {{cron: "0 13 * * tue-sat", timezone: America/New_York}}}}
  beta: {{model: {BETA}, size: mem-md, command: python predict.py, enabled: false, env: {{EXTRA: ""}}}}
"""
CLUSTER = "gcp-us-central1"


@pytest.fixture(scope="module")
def two(shared_program: Make) -> Program:
    return shared_program(TWO)


def task(job: Registered) -> dict[str, Any]:
    found: dict[str, Any] = job.inputs["template"]["template"]
    return found


def row(two: Program, node: str) -> Row:
    """Return a node's row of the trigger's table."""
    name: str = two.find(":BucketObject", node).inputs["name"]
    parsed = Row.read_key(name.removeprefix("table/"))
    assert parsed, name
    return parsed


def job(two: Program, node: str) -> Registered:
    return two.find("cloudrunv2/job:Job", node)


def test_everything_hangs_under_its_node_or_cluster(two: Program) -> None:
    for resource in two.list_resources():
        assert two.find_owner(resource).name in ("alpha", "beta", CLUSTER), resource


def test_few_resources(two: Program) -> None:
    kinds = sorted(each.type.rsplit(":", 1)[-1] for each in two.list_owned("alpha"))
    assert kinds == ["BucketObject", "ImageBuild", "Job", "Job", "JobIamMember"]
    assert len(two.list_owned("beta")) == 4  # it has no schedule
    assert Counter(each.type.rsplit(":", 1)[-1] for each in two.list_owned(CLUSTER)) == {
        "Service": len(SERVICES) - 3,  # Google enables two of them, and one is for e-mails
        "Bucket": 1,
        "BucketObject": 1,
        "BucketIAMMember": 1,
        "Repository": 2,
        "Account": 4,
        "IAMMember": 4,
        "RepositoryIamMember": 2,
        "Secret": 2,
        "SecretVersion": 2,
        "SecretIamMember": 4,
        "Job": 1,
        "IAMCustomRole": 1,
        "ProjectExclusion": 1,
        "Permissions": 1,
        "Function": 1,
        "FunctionCode": 1,
        "ServiceIamMember": 1,
    }


def describe(found: Program, owner: str) -> dict[str, Any]:
    """Return the inputs of an owner's resources, by type and name. The code's archive has no equality."""
    return {
        f"{each.type} {each.name}": {key: value for key, value in each.inputs.items() if key != "source"}
        for each in found.list_owned(owner)
    }


def test_nodes_come_change_and_go_without_a_change_of_the_cluster_or_another_node(program: Make, two: Program) -> None:
    more = program(f"{TWO}  gamma: {{model: {GAMMA}, schedule: '0 1 * * *'}}\n")
    changed = program(TWO.replace("enabled: false, ", "").replace("mem-md", "mem-sm"))
    only = program("\n".join(line for line in TWO.splitlines() if "beta" not in line))
    for other in (more, changed, only):
        assert describe(other, CLUSTER) == describe(two, CLUSTER)
        assert describe(other, "alpha") == describe(two, "alpha")


def test_only_the_first_schedule_and_an_account_s_first_node_change_the_cluster(program: Make) -> None:
    plain = program(f"{HEAD}  alpha: {{model: {ALPHA}, watch: false}}\n")
    timed = program(f"{HEAD}  alpha: {{model: {ALPHA}, watch: false, schedule: '0 1 * * *'}}\n")
    watched = program(f"{HEAD}  alpha: {{model: {ALPHA}}}\n")
    two = f"{HEAD}  alpha: {{model: {ALPHA}, watch: false}}\n  beta: {{model: {BETA}, account: fund, watch: false}}\n"
    shared = program(two)
    before = describe(plain, CLUSTER)
    for other, number in ((timed, 1), (watched, 4), (shared, 7)):
        after = describe(other, CLUSTER)
        assert after | before == after
        assert len(after) == len(before) + number
    added = describe(timed, CLUSTER).keys() - before.keys()
    assert added == {f"gcp:projects/service:Service {CLUSTER}-cloudscheduler"}
    keys = shared.granted(f"{CLUSTER}-run-fund")
    assert {each.inputs["secretId"].rpartition("-")[0] for each in keys.values()} == {
        "numerai-public-id-fund",
        "numerai-secret-fund",
    }
    assert task(job(shared, "beta"))["serviceAccount"] == account(shared, f"{CLUSTER}-run-fund")
    assert task(job(shared, "alpha"))["serviceAccount"] == account(shared, f"{CLUSTER}-run")
    assert not keys.keys() & shared.granted(f"{CLUSTER}-run").keys()


def test_services_that_google_enables_are_not_registered(two: Program) -> None:
    registered = {each.inputs["service"] for each in two.list_resources(":Service")}
    assert registered == {f"{service}.googleapis.com" for service in list_services(two.nodes)}
    assert {f"{service}.googleapis.com" for service in SERVICES} - registered == {
        "logging.googleapis.com",
        "monitoring.googleapis.com",  # no node has an e-mail address
        "storage.googleapis.com",
    }


def test_no_node_depends_on_another(two: Program) -> None:
    owners = {each.urn: two.find_owner(each).name for each in two.list_resources() if each.urn}
    for each in two.list_resources():
        for needed in each.depends_on:
            assert owners.get(needed) in (owners[each.urn], CLUSTER), (each.name, needed)


def test_everything_comes_after_the_services(two: Program) -> None:
    after = {each.urn for each in two.list_resources(":Service")}
    assert {each.inputs["disableOnDestroy"] for each in two.list_resources(":Service")} == {False}
    waiting = [
        each
        for each in two.list_resources()
        if each.type.startswith(("gcp:", "pulumi-python")) and each.urn not in after
    ]
    while waiting:
        ready = [each for each in waiting if each.depends_on & after]
        assert ready, [f"{each.type} {each.name}" for each in waiting]
        after |= {each.urn for each in ready}
        waiting = [each for each in waiting if each.urn not in after]


def test_sdk_and_schema_have_nothing_against_the_inputs(two: Program) -> None:
    assert {f"{each.type} {each.name}": found for each in two.list_resources() if (found := problems(each))} == {}


def test_everything_that_can_be_is_labelled(two: Program) -> None:
    labelled = (":Bucket", ":Repository", ":Secret", "cloudrunv2/job:Job", ":Function")
    found = [each for each in two.list_resources() if each.type.endswith(labelled)]
    assert len(found) == 8
    for each in found:
        wanted = {"project": "prediction-nodes", "stack": "dev"}
        if two.find_owner(each).name != CLUSTER:
            wanted |= {"node": two.find_owner(each).name, "team": "quants"}
        assert each.inputs["labels"] == wanted, each


def test_labels_are_possible_for_any_project_and_stack(program: Make) -> None:
    odd = program(TWO, project="My.Project", stack_name="Pr/" + "S" * 90)
    labels = odd.find(":Bucket", CLUSTER).inputs["labels"]
    assert labels == {"project": "my-project", "stack": "pr-" + "s" * 60}


def test_the_trigger_has_its_role_on_each_job_and_on_claims_and_table(two: Program) -> None:
    grants = two.granted(f"{CLUSTER}-trigger")
    keys = {name: grants.pop(name) for name in sorted(grants) if name.startswith(f"{CLUSTER}-watch-")}
    assert {each.inputs["role"] for each in keys.values()} == {"roles/secretmanager.secretAccessor"}
    assert [name.removeprefix(f"{CLUSTER}-watch-") for name in keys] == ["numerai-public-id", "numerai-secret"]
    assert set(grants) == {"alpha-start", "beta-start", f"{CLUSTER}-trigger"}
    assert {each.inputs["role"].rpartition("_")[2] for each in grants.values()} == {"trigger"}
    start, claim = grants["alpha-start"].inputs, grants[f"{CLUSTER}-trigger"].inputs
    assert (start["name"], start["location"]) == ("alpha-1a2b3c4", "us-central1")
    assert claim["bucket"] == f"{CLUSTER}-1a2b3c4"
    assert claim["condition"]["expression"] == (
        "resource.name.startsWith('projects/_/buckets/gcp-us-central1-1a2b3c4/objects/claims/') || "
        "(resource.type == 'storage.googleapis.com/Bucket' && "
        "(api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('claims/') || "
        "api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('table/')))"
    )


def test_jobs_read_the_two_keys_of_their_account_and_nothing_else(two: Program) -> None:
    grants = two.granted(f"{CLUSTER}-run")
    assert {each.type.rsplit(":", 1)[-1] for each in grants.values()} == {"SecretIamMember"}
    assert {each.inputs["role"] for each in grants.values()} == {"roles/secretmanager.secretAccessor"}
    secrets = {each.inputs["secretId"] for each in two.list_resources(":Secret")}
    assert {each.inputs["secretId"] for each in grants.values()} == secrets


def test_custom_roles_hold_the_least_that_works(two: Program) -> None:
    permissions = {each.name: each.inputs["permissions"] for each in two.list_resources(":IAMCustomRole")}
    assert permissions == {
        f"{CLUSTER}-trigger": [
            "run.executions.list",
            "run.jobs.run",
            "run.jobs.runWithOverrides",
            "storage.objects.create",
            "storage.objects.get",
            "storage.objects.list",
        ]
    }


def test_builders_write_logs_read_their_sources_and_push_to_one_repository(two: Program) -> None:
    sources = {
        "images": [f"{CLUSTER}-1a2b3c4/objects/source/images/"],
        "triggers": ["gcf-v2-sources-"],
    }
    for what, prefixes in sources.items():
        grants = two.granted(f"{CLUSTER}-build-{what}")
        found = {each.inputs["role"]: each for each in grants.values()}
        assert set(found) == {"roles/logging.logWriter", "roles/storage.objectViewer", "roles/artifactregistry.writer"}
        repository = two.find(":Repository", f"{CLUSTER}-{what}").inputs["repositoryId"]
        assert found["roles/artifactregistry.writer"].inputs["repository"] == repository
        condition = found["roles/storage.objectViewer"].inputs["condition"]["expression"]
        names = [f"resource.name.startsWith('projects/_/buckets/{prefix}')" for prefix in prefixes]
        assert condition == " || ".join(names)


def test_no_right_is_given_without_need(two: Program) -> None:
    members = [each for each in two.list_resources() if "member" in each.inputs]
    public = [each for each in members if each.inputs["member"] == "allUsers"]
    assert [(each.inputs["role"], each.inputs["name"]) for each in public] == [
        ("roles/run.invoker", f"{CLUSTER}-1a2b3c4")
    ]
    on_the_project = {each.inputs["role"] for each in members if each.type.endswith("/iAMMember:IAMMember")}
    assert on_the_project == {"roles/logging.logWriter", "roles/storage.objectViewer"}
    assert not [each for each in members if "*" in str(each.inputs)]


def test_keys_are_references_and_nothing_secret_is_plain(two: Program) -> None:
    env = {each["name"]: each for each in task(job(two, "alpha"))["containers"][0]["envs"]}
    secret = two.find(":Secret", f"{CLUSTER}-numerai-secret").inputs["secretId"]
    # The version's number, so that a new key changes the job.
    assert env["NUMERAI_SECRET_KEY"]["valueSource"] == {"secretKeyRef": {"secret": secret, "version": "7"}}
    for each in two.list_resources():
        for path, value in flat(each.inputs):
            if isinstance(value, str) and "planted" in value:
                assert any(path.startswith(known) for known in each.secrets), (each.type, path)
    schedule = two.find("cloudscheduler/job:Job", "alpha")
    # Cloud Scheduler accepts the five fields and the time zone unchanged, with names in capitals.
    told = (schedule.inputs["schedule"], schedule.inputs["timeZone"])
    assert told == ("0 13 * * TUE-SAT", "America/New_York")
    assert [path for path in schedule.secrets if path.startswith("httpTarget")], schedule.secrets
    token = schedule.inputs["httpTarget"]["headers"]["X-Trigger-Token"]
    assert not [each for each in two.list_resources() if each is not schedule and token in str(each.inputs)]


def flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in flat(item, f"{path}.{key}" if path else key)]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in flat(item, f"{path}[{index}]")]
    return [(path, value)]


def test_a_job_runs_once_for_as_long_as_asked_and_can_be_removed(two: Program) -> None:
    alpha = job(two, "alpha")
    assert alpha.inputs["deletionProtection"] is False
    assert (task(alpha)["maxRetries"], task(alpha)["timeout"]) == (0, "3600s")
    assert (alpha.inputs["template"]["taskCount"], task(alpha)["serviceAccount"]) == (1, account(two, f"{CLUSTER}-run"))
    assert "@sha256:" in task(alpha)["containers"][0]["image"]


def account(two: Program, name: str) -> str:
    return f"{two.find(':Account', name).inputs['accountId']}@{PROJECT}.iam.gserviceaccount.com"


def test_fields_reach_job_trigger_and_schedule(two: Program) -> None:
    beta = task(job(two, "beta"))["containers"][0]
    assert beta["args"] == ["python", "predict.py"]
    assert {"name": "EXTRA", "value": ""} in beta["envs"]
    assert beta["resources"]["limits"] == {"cpu": "4", "memory": "16384Mi"}
    assert "args" not in task(job(two, "alpha"))["containers"][0]
    assert (row(two, "alpha").enabled, row(two, "beta").enabled) == ("yes", "no")
    schedule = two.find("cloudscheduler/job:Job", "alpha").inputs
    assert (schedule["schedule"], schedule["timeZone"], schedule["paused"]) == (
        "0 13 * * TUE-SAT",
        "America/New_York",
        False,
    )
    assert schedule["httpTarget"]["uri"] == f"https://{CLUSTER}-1a2b3c4-abcdefghij-uc.a.run.app/schedule/{ALPHA}"
    assert [each.name for each in two.list_resources("cloudscheduler/job:Job")] == [f"{CLUSTER}-watch", "alpha"]


def test_the_watch_is_called_every_five_minutes_with_a_token_of_its_own(two: Program) -> None:
    watch = two.find("cloudscheduler/job:Job", f"{CLUSTER}-watch").inputs
    assert (watch["schedule"], watch["retryConfig"]) == ("*/5 * * * *", {"retryCount": 0})
    assert watch["httpTarget"]["uri"] == f"https://{CLUSTER}-1a2b3c4-abcdefghij-uc.a.run.app/watch"
    token = watch["httpTarget"]["headers"]["X-Trigger-Token"]
    known = two.find(":Function", CLUSTER).inputs["serviceConfig"]["environmentVariables"]["WATCH_SHA256"]
    assert hashlib.sha256(token.encode()).hexdigest() == known
    assert token != two.find("cloudscheduler/job:Job", "alpha").inputs["httpTarget"]["headers"]["X-Trigger-Token"]


@pytest.mark.parametrize(
    ("region", "scheduler"),
    [("europe-west3", "europe-west3"), ("europe-west10", "europe-west1"), ("us-east5", "us-central1")],
)
def test_the_scheduler_calls_from_a_region_that_has_it(program: Make, region: str, scheduler: str) -> None:
    timed = program(f"{HEAD}  alpha: {{model: {ALPHA}, region: {region}, schedule: '0 1 * * *'}}\n")
    jobs = timed.list_resources("cloudscheduler/job:Job")
    assert {job.name: job.inputs["region"] for job in jobs} == {f"gcp-{region}-watch": scheduler, "alpha": scheduler}


def test_the_function_runs_the_archive_as_its_own_account_built_by_another(two: Program) -> None:
    function = two.find(":Function", CLUSTER).inputs
    source = two.find(":BucketObject", f"{CLUSTER}-trigger").inputs
    assert ARCHIVE.digest()[:16] in source["name"]
    assert function["buildConfig"]["source"]["storageSource"]["object"] == source["name"]
    assert function["buildConfig"]["serviceAccount"].endswith(f"/{CLUSTER}-build-triggers")
    assert function["serviceConfig"]["serviceAccountEmail"] == account(two, f"{CLUSTER}-trigger")
    assert function["serviceConfig"]["minInstanceCount"] == 0
    variables = dict(function["serviceConfig"]["environmentVariables"])
    assert re.fullmatch("[0-9a-f]{64}", variables.pop("WATCH_SHA256"))
    assert variables == {
        "PACKAGE": ARCHIVE.digest(),
        "BUCKET": f"{CLUSTER}-1a2b3c4",
        "PARENT": f"projects/{PROJECT}/locations/us-central1",
    }
    # Function builds move tags, which the repository of the images does not allow.
    assert function["buildConfig"]["dockerRepository"].endswith(f"/{CLUSTER}-triggers")
    assert two.find(":Repository", f"{CLUSTER}-images").inputs["dockerConfig"] == {"immutableTags": True}
    assert "dockerConfig" not in two.find(":Repository", f"{CLUSTER}-triggers").inputs
    grants = two.granted(f"{CLUSTER}-build-triggers")
    permissions = two.find(":Permissions", CLUSTER)
    assert {each.urn for each in grants.values()} <= permissions.depends_on
    assert permissions.urn in two.find(":Function", CLUSTER).depends_on


def test_a_failed_function_is_built_again_before_anything_gets_its_url(two: Program) -> None:
    function, code = two.find(":Function", CLUSTER), two.find(":FunctionCode", CLUSTER)
    assert function.urn in code.depends_on
    build, api = function.inputs["buildConfig"], code.inputs["build"]
    assert {key: build[key] for key in api} == api, "the provider and the API are given different builds"
    assert code.urn in two.find(":ServiceIamMember", f"{CLUSTER}-public").depends_on
    schedule = two.find("cloudscheduler/job:Job", "alpha")
    assert schedule.inputs["httpTarget"]["uri"].startswith(f"https://{CLUSTER}-1a2b3c4-")
    assert code.urn in schedule.depends_on


def test_a_job_waits_for_its_rights_and_a_build_for_its_builder_s(two: Program) -> None:
    assert {each.urn for each in two.granted(f"{CLUSTER}-run").values()} <= job(two, "alpha").depends_on
    builder = two.granted(f"{CLUSTER}-build-images")
    assert {each.urn for each in builder.values()} <= two.find(":ImageBuild", "alpha@us-central1").depends_on


def test_a_row_names_model_job_and_token_s_hash_and_comes_last(two: Program) -> None:
    token = two.find("cloudscheduler/job:Job", "alpha").inputs["httpTarget"]["headers"]["X-Trigger-Token"]
    names = [two.find(":Secret", f"{CLUSTER}-numerai-{key}").inputs["secretId"] for key in ("public-id", "secret")]
    digest, keys = hashlib.sha256(token.encode()).hexdigest(), "~".join(names)
    known = Row(ALPHA, "alpha", digest, "alpha-1a2b3c4", tournament="classic", watch="900-2", keys=keys)
    assert row(two, "alpha") == known
    written = two.find(":BucketObject", "alpha")
    trigger = [each for each in two.list_owned(CLUSTER) if each.type.endswith((":Function", "erviceIamMember"))]
    needed = [job(two, "alpha"), two.find(":JobIamMember", "alpha-start"), *trigger]
    needed.append(two.find(":BucketIAMMember", f"{CLUSTER}-trigger"))
    assert {each.urn for each in needed} <= written.depends_on
    assert written.urn in two.find("cloudscheduler/job:Job", "alpha").depends_on


def test_images_go_with_their_node_unless_the_repository_goes_too(program: Make) -> None:
    both = program(f"{HEAD}  alpha: {{model: {ALPHA}}}\n  beta: {{model: {BETA}, build: {{docker: true}}}}\n")
    repository = both.find(":Repository", f"{CLUSTER}-images").urn
    assert both.find(":ImageBuild", "alpha@us-central1").deleted_with == repository
    images = both.find(":DockerImages", "beta@us-central1")
    assert images.deleted_with == repository
    assert images.urn in both.find("docker-build:index:Image", "beta").depends_on
    assert [each.name for each in both.list_resources(":DockerImages")] == ["beta@us-central1"]


def test_addresses_with_tokens_are_kept_out_of_cloud_run_s_own_log(two: Program) -> None:
    expression = two.find(":ProjectExclusion", CLUSTER).inputs["filter"]
    found = re.search(r'requestUrl=~"([^"]+)"', expression)
    assert found is not None
    host = f"https://{CLUSTER}-1a2b3c4-abcdefghij-uc.a.run.app"
    assert re.search(found[1], f"{host}/pred/{ALPHA}?token=secret")
    assert re.search(found[1], f"{host}/pred/{ALPHA}/secret")
    assert not re.search(found[1], f"{host}/health")
    assert 'resource.labels.location="us-central1"' in expression


def test_the_registry_keeps_the_newest_images_of_each_node(two: Program) -> None:
    policies = {each["id"]: each for each in two.find(":Repository", f"{CLUSTER}-images").inputs["cleanupPolicies"]}
    assert policies["keep-recent"]["action"] == "KEEP"
    assert policies["keep-recent"]["mostRecentVersions"] == {"keepCount": 20}
    assert policies["delete-old"]["action"] == "DELETE"


def names(found: Program, *kinds: str) -> set[str]:
    """Return the physical names that the program sets, of all types or of the given ones."""
    own = {":Account": "accountId", ":IAMCustomRole": "roleId", ":Repository": "repositoryId", ":Secret": "secretId"}
    return {each.inputs[own[kind]] for kind in kinds or own for each in found.list_resources(kind)}


def test_two_stacks_and_two_regions_share_no_name(program: Make) -> None:
    one = names(program(TWO))
    assert len(one) == 4 + 1 + 2 + 2
    others = [program(TWO, stack_name="prod", webhook_key="b"), program(TWO, project="more", webhook_key="c")]
    others.append(program(TWO.replace("source: m", "source: m, region: europe-west1")))
    assert [one & names(other) for other in others] == [set(), set(), set()]


def test_a_stack_that_was_destroyed_comes_back_with_other_role_ids(program: Make) -> None:
    # Google blocks the id of a deleted role for weeks. After a destroy, only the webhook key is new.
    before, after = program(TWO), program(TWO, webhook_key="another")
    assert not names(before, ":IAMCustomRole") & names(after, ":IAMCustomRole")
    kept = (":Account", ":Repository", ":Secret")
    assert names(before, *kept) == names(after, *kept)
    assert names(before) == names(program(TWO))


def test_names_fit_for_the_longest_node_project_and_stack(program: Make) -> None:
    longest = program(
        "defaults: {cloud: gcp, source: m, region: northamerica-northeast1}\n"
        f'nodes: {{{"a" * 20}: {{model: {ALPHA}, schedule: "0 1 * * *"}}}}',
        project="p" * 100,
        stack_name="s" * 100,
    )
    named = program(f'nodes: {{alpha: {{model: {ALPHA}, cloud: gcp, source: m, account: "{"a" * 20}"}}}}')
    for each in longest.list_resources(":Account") + named.list_resources(":Account"):
        assert re.fullmatch(r"(?=.{6,30}$)[a-z]([-a-z0-9]*[a-z0-9])", each.inputs["accountId"])
    for each in longest.list_resources(":IAMCustomRole"):
        assert re.fullmatch(r"[a-zA-Z0-9_.]{3,64}", each.inputs["roleId"])
    for each in longest.list_resources(":Repository"):
        assert re.fullmatch(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", each.inputs["repositoryId"])
    for kind, limit in ((":Function", 49), ("cloudrunv2/job:Job", 63), (":Bucket", 63)):
        for each in longest.list_resources(kind):
            assert "name" not in each.inputs  # chosen by the provider
            assert len(each.name) + len("-1a2b3c4") <= limit


def test_resources_are_where_the_node_says(program: Make) -> None:
    europe = program(f"nodes: {{alpha: {{model: {ALPHA}, cloud: gcp, source: m, region: europe-west1}}}}")
    places = {
        each.inputs[key] for each in europe.list_resources() for key in ("location", "region") if key in each.inputs
    }
    assert places == {"europe-west1", "EUROPE-WEST1"}


def test_without_a_project_the_sentence_says_what_to_set() -> None:
    with pytest.raises(pulumi.RunError, match="pulumi config set gcp:project"):
        cluster.require_project("")
    assert cluster.require_project(PROJECT) == PROJECT
