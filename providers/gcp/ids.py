"""The ids of Google Cloud's resources that their inputs determine, as pulumi-gcp uses them.

Types that are missing here are set again without harm, as members of policies and objects in buckets are, or have
numbers from Google, as versions of secrets have.
"""

from __future__ import annotations

_LOCATED = "projects/{project}/locations/{location}"

IDS = {
    "gcp:artifactregistry/repository:Repository": f"{_LOCATED}/repositories/{{repositoryId}}",
    "gcp:cloudfunctionsv2/function:Function": f"{_LOCATED}/functions/{{name}}",
    "gcp:cloudrunv2/job:Job": f"{_LOCATED}/jobs/{{name}}",
    "gcp:cloudscheduler/job:Job": "projects/{project}/locations/{region}/jobs/{name}",
    "gcp:logging/projectExclusion:ProjectExclusion": "projects/{project}/exclusions/{name}",
    "gcp:projects/iAMCustomRole:IAMCustomRole": "projects/{project}/roles/{roleId}",
    "gcp:secretmanager/secret:Secret": "projects/{project}/secrets/{secretId}",
    "gcp:serviceaccount/account:Account": "projects/{project}/serviceAccounts/"
    "{accountId}@{project}.iam.gserviceaccount.com",
    "gcp:storage/bucket:Bucket": "{name}",
}
"""Type -> the id of a resource, with its inputs and the project in braces."""
