"""The custom role of a region's trigger on Google Cloud, and the conditions under which roles are granted.

The trigger gets the role on each node's job and on the bucket. On a job, it may run the job with additional variables
(roles/run.invoker lacks run.jobs.runWithOverrides, and roles/run.developer allows much more) and list its executions.
Overrides can change variables and arguments, but not the image. On the bucket, it may create, read and list claims and
list the table. Without storage.objects.delete, objects cannot be overwritten, so claims are final.
"""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

TRIGGER = [
    "run.executions.list",
    "run.jobs.run",
    "run.jobs.runWithOverrides",
    "storage.objects.create",
    "storage.objects.get",
    "storage.objects.list",
]
# Cloud Functions copies a function's source to its own bucket, whose name begins with this (docs: run "Cloud Run
# functions overview"). gcloud's uploads and functions of the Cloud Run API have other buckets.
FUNCTION_SOURCES = ["gcf-v2-sources-"]


def name_member(account: gcp.serviceaccount.Account) -> pulumi.Output[str]:
    """Return the name of an account as a member in IAM policies."""
    return pulumi.Output.concat("serviceAccount:", account.email)


def build_trigger_condition(bucket: str) -> str:
    """Return a condition that allows objects below claims/, and listing below claims/ and table/ only."""
    listed = "api.getAttribute('storage.googleapis.com/objectListPrefix', '')"
    return (
        f"resource.name.startsWith('projects/_/buckets/{bucket}/objects/claims/') || "
        "(resource.type == 'storage.googleapis.com/Bucket' && "
        f"({listed}.startsWith('claims/') || {listed}.startsWith('table/')))"
    )


def build_sources_condition(prefixes: list[str]) -> str:
    """Return a condition that allows buckets and objects whose names begin with one of `prefixes`.

    An object's name begins with its bucket's. Google's page limits this to objects, but a public project reports that
    builds of functions are then refused the bucket.
    """
    return " || ".join(f"resource.name.startsWith('projects/_/buckets/{prefix}')" for prefix in prefixes)
