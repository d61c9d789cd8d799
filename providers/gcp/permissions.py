"""The permissions that each resource type needs on Google Cloud, and the project's custom roles made from them.

These are the permissions of the methods that the provider calls (cloud.google.com/iam/docs/permissions-reference).
Changing the project's IAM policy is a separate role. It is granted under a condition that names the only two roles that
the program grants on the project, so that the deploying identity cannot make itself the project's owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.permissions import Row, Table, Way, list_actions, write_yaml

_TERRAFORM = "terraform-provider-google"
_ACT_AS = "iam.serviceAccounts.actAs"


def _build_row(kind: str, source: str, read: str = "", create: str = "", update: str = "") -> Row:
    """Return the row of a kind with the usual permissions (get, create, update, delete) and additional ones."""
    return Row(
        source,
        read=f"{kind}.get {read}",
        create=f"{kind}.create {create}",
        update=f"{kind}.update {update}",
        delete=f"{kind}.delete",
    )


def _build_grant_row(kind: str, source: str, read: str = "") -> Row:
    """Return the row of a grant of a role on a kind."""
    return Row(source, read=f"{kind}.getIamPolicy {read}", create=f"{kind}.setIamPolicy")


TABLE: Table = {
    "gcp:artifactregistry/repository:Repository": _build_row(
        "artifactregistry.repositories", "artifactregistry.googleapis.com/v1 projects.locations.repositories"
    ),
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": _build_grant_row(
        "artifactregistry.repositories", "artifactregistry.googleapis.com/v1 projects.locations.repositories"
    ),
    "gcp:cloudfunctionsv2/function:Function": _build_row(
        "cloudfunctions.functions",
        "cloudfunctions.googleapis.com/v2 projects.locations.functions; actAs on runtime and build account",
        create=f"cloudfunctions.operations.get storage.objects.get {_ACT_AS}",
    ),
    "gcp:cloudrunv2/job:Job": _build_row(
        "run.jobs",
        "run.googleapis.com/v2 projects.locations.jobs; the deploying identity must be able to read the image",
        create=f"run.operations.get artifactregistry.repositories.downloadArtifacts {_ACT_AS}",
    ),
    "gcp:cloudrunv2/jobIamMember:JobIamMember": _build_grant_row(
        "run.jobs", "run.googleapis.com/v2 projects.locations.jobs"
    ),
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": _build_grant_row(
        "run.services", "run.googleapis.com/v2 projects.locations.services", read="run.services.get"
    ),
    "gcp:cloudscheduler/job:Job": _build_row(
        "cloudscheduler.jobs",
        "cloudscheduler.googleapis.com/v1 projects.locations.jobs",
        read="cloudscheduler.jobs.fullView",
        update="cloudscheduler.jobs.pause cloudscheduler.jobs.enable",
    ),
    "gcp:logging/projectExclusion:ProjectExclusion": _build_row(
        "logging.exclusions", "logging.googleapis.com/v2 projects.exclusions"
    ),
    "gcp:monitoring/alertPolicy:AlertPolicy": Row(
        # A policy that matches log lines has a notification rule in Cloud Logging, made with the caller's permissions.
        "monitoring.googleapis.com/v3 projects.alertPolicies; logging/docs/alerting/log-based-alerts",
        read="monitoring.alertPolicies.get",
        create="monitoring.alertPolicies.create logging.notificationRules.create",
        update="monitoring.alertPolicies.update logging.notificationRules.update",
        delete="monitoring.alertPolicies.delete logging.notificationRules.delete",
    ),
    "gcp:monitoring/notificationChannel:NotificationChannel": _build_row(
        "monitoring.notificationChannels", "monitoring.googleapis.com/v3 projects.notificationChannels"
    ),
    "gcp:projects/iAMCustomRole:IAMCustomRole": _build_row(
        "iam.roles", "iam.googleapis.com/v1 projects.roles", create="iam.roles.undelete"
    ),
    "gcp:projects/iAMMember:IAMMember": _build_grant_row(
        "resourcemanager.projects", "cloudresourcemanager.googleapis.com/v1 projects"
    ),
    "gcp:projects/service:Service": Row(
        "serviceusage.googleapis.com/v1 services, operations; with disable_on_destroy false nothing is disabled",
        read="resourcemanager.projects.get serviceusage.services.get serviceusage.services.list",
        create="serviceusage.services.enable serviceusage.operations.get",
    ),
    "gcp:secretmanager/secret:Secret": _build_row(
        "secretmanager.secrets", "secretmanager.googleapis.com/v1 projects.secrets"
    ),
    "gcp:secretmanager/secretIamMember:SecretIamMember": _build_grant_row(
        "secretmanager.secrets", "secretmanager.googleapis.com/v1 projects.secrets"
    ),
    "gcp:secretmanager/secretVersion:SecretVersion": Row(
        f"{_TERRAFORM} secretmanager: reads the value, so an identity that checks for drift can see the keys",
        read="secretmanager.versions.get secretmanager.versions.access",
        create="secretmanager.versions.add",
        update="secretmanager.versions.enable secretmanager.versions.disable",
        delete="secretmanager.versions.destroy",
    ),
    "gcp:serviceaccount/account:Account": _build_row(
        "iam.serviceAccounts", "iam.googleapis.com/v1 projects.serviceAccounts"
    ),
    "gcp:storage/bucket:Bucket": Row(
        "storage.googleapis.com/v1 buckets; emptied before it is deleted",
        read="storage.buckets.get",
        create="storage.buckets.create",
        update="storage.buckets.update",
        delete="storage.objects.list storage.objects.delete storage.buckets.delete",
    ),
    "gcp:storage/bucketIAMMember:BucketIAMMember": _build_grant_row(
        "storage.buckets", "storage.googleapis.com/v1 buckets"
    ),
    "gcp:storage/bucketObject:BucketObject": _build_row("storage.objects", "storage.googleapis.com/v1 objects"),
    # Look-ups: the identity and the project, from the credentials.
    "gcp:organizations/getClientConfig:getClientConfig": Row(
        f"{_TERRAFORM} google_client_config", look_up="resourcemanager.projects.get serviceusage.services.use"
    ),
    # Dynamic resources, and images that are built on the user's machine.
    "pulumi-python:dynamic/prediction-nodes:ImageBuild": Row(
        "providers/gcp/image.py",
        create=(
            "artifactregistry.tags.get artifactregistry.versions.list artifactregistry.repositories.update "
            "artifactregistry.versions.delete artifactregistry.tags.delete storage.objects.create "
            "storage.objects.delete cloudbuild.builds.create cloudbuild.builds.get cloudbuild.builds.list "
            f"cloudbuild.builds.update logging.logEntries.list {_ACT_AS}"
        ),
        delete=(
            "artifactregistry.repositories.update artifactregistry.tags.list artifactregistry.versions.list "
            "artifactregistry.versions.delete artifactregistry.tags.delete"
        ),
    ),
    "pulumi-python:dynamic/prediction-nodes:Permissions": Row("providers/propagation.py"),
    "pulumi-python:dynamic/prediction-nodes:FunctionCode": Row(
        "providers/gcp/code.py",
        create=f"cloudfunctions.functions.get cloudfunctions.functions.update cloudfunctions.operations.get {_ACT_AS}",
    ),
    "pulumi-python:dynamic/prediction-nodes:DockerImages": Row(
        "providers/gcp/repositories.py",
        delete="artifactregistry.tags.list artifactregistry.versions.list artifactregistry.versions.delete",
    ),
    "docker-build:index:Image": Row(
        "cloud.google.com/artifact-registry/docs/access-control",
        create="artifactregistry.repositories.uploadArtifacts artifactregistry.repositories.downloadArtifacts",
    ),
    # `pnodes`
    "pnodes status": Row("providers/gcp/operations.py", read="run.executions.list run.executions.get"),
    "pnodes logs": Row("providers/gcp/operations.py", read="run.executions.get logging.logEntries.list"),
    "pnodes doctor": Row(
        # Services, billing, the organization's policy on sharing, quotas.
        "providers/gcp/doctor.py",
        read=("serviceusage.services.list resourcemanager.projects.get orgpolicy.policy.get serviceusage.quotas.get"),
    ),
    "pnodes stop": Row("providers/gcp/operations.py", create="run.executions.cancel run.operations.get"),
}

PROJECT_IAM = "resourcemanager.projects.setIamPolicy"
GRANTED = ("roles/logging.logWriter", "roles/storage.objectViewer")
"""The roles that the program grants on the project. All other grants are on one job, secret, bucket or repository."""
CONDITION = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{}])".format(
    ", ".join(f"'{role}'" for role in GRANTED)
)
_TITLES = {
    Way.PREVIEW: "Prediction nodes: preview",
    Way.DRIFT: "Prediction nodes: read",
    Way.UP: "Prediction nodes: deploy",
}


def build_role(way: Way) -> dict[str, Any]:
    """Return the role of a way of running, for `gcloud iam roles create --file`. It cannot change the project's IAM."""
    permissions = [permission for permission in list_actions(TABLE, way) if permission != PROJECT_IAM]
    return {"title": _TITLES[way], "stage": "GA", "includedPermissions": permissions}


def build_grants_role() -> dict[str, Any]:
    """Return the role that is granted under CONDITION, in addition to that of `up`."""
    return {
        "title": "Prediction nodes: grants on the project",
        "stage": "GA",
        "includedPermissions": ["resourcemanager.projects.getIamPolicy", PROJECT_IAM],
    }


def list_files() -> Iterator[tuple[str, str]]:
    """Yield (name, text) of each role, and of the condition of the grants, in docs/permissions."""
    for way in Way:
        yield f"gcp-{way}.yaml", write_yaml(build_role(way))
    yield "gcp-grants.yaml", write_yaml(build_grants_role())
    condition = {
        "title": "only-what-nodes-need",
        "description": "The two roles that the builders of prediction nodes get on the project",
        "expression": CONDITION,
    }
    yield "gcp-grants-condition.yaml", write_yaml(condition)
