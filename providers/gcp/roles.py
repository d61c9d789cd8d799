"""The two custom roles of each cluster on Google Cloud, and the conditions under which roles are granted.

- runner: run one job with additional variables. roles/run.invoker lacks run.jobs.runWithOverrides, and
  roles/run.developer allows much more. Overrides can change variables and arguments, but not the image.
- claimer: create, read and list objects below one node's claims. Without storage.objects.delete, objects cannot be
  overwritten, so claims are final.
"""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

RUNNER = ["run.jobs.run", "run.jobs.runWithOverrides"]
CLAIMER = ["storage.objects.create", "storage.objects.get", "storage.objects.list"]
# Cloud Functions copies a function's source to its own bucket, whose name begins with one of these (docs: functions
# "Custom service account for Cloud Build").
FUNCTION_SOURCES = ["gcf-v2-sources-", "gcf-v2-uploads-", "run-sources-"]


def create_role(
    name: str, role_id: pulumi.Input[str], title: str, permissions: list[str], opts: pulumi.ResourceOptions
) -> gcp.projects.IAMCustomRole:
    """Create a custom role of the project."""
    return gcp.projects.IAMCustomRole(name, role_id=role_id, title=title, permissions=permissions, opts=opts)


def name_member(account: gcp.serviceaccount.Account) -> pulumi.Output[str]:
    """Return the name of an account as a member in IAM policies."""
    return pulumi.Output.concat("serviceAccount:", account.email)


def build_claims_condition(bucket: str, node: str) -> str:
    """Return a condition that allows objects below claims/NODE/, and listing with that prefix only."""
    return (
        f"resource.name.startsWith('projects/_/buckets/{bucket}/objects/claims/{node}/') || "
        "(resource.type == 'storage.googleapis.com/Bucket' && "
        f"api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('claims/{node}/'))"
    )


def build_sources_condition(prefixes: list[str]) -> str:
    """Return a condition that allows objects whose names, preceded by the bucket's, begin with one of `prefixes`."""
    either = " || ".join(f"resource.name.startsWith('projects/_/buckets/{prefix}')" for prefix in prefixes)
    return f"resource.type == 'storage.googleapis.com/Object' && ({either})"
