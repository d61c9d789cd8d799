"""Who may do what on Google Cloud: two custom roles per cluster, and the members that nodes get of them.

- runner: run one job with variables added. roles/run.invoker lacks run.jobs.runWithOverrides, roles/run.developer has
  much more. Overrides change variables and arguments, never the image.
- claimer: create, read and list objects below one node's claims. Without storage.objects.delete an object cannot be
  overwritten, which is what makes a claim final.
"""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

RUNNER = ["run.jobs.run", "run.jobs.runWithOverrides"]
CLAIMER = ["storage.objects.create", "storage.objects.get", "storage.objects.list"]
# Cloud Functions copies a function's source into a bucket of its own, whose name begins with one of these
# (docs: functions "Custom service account for Cloud Build").
FUNCTION_SOURCES = ["gcf-v2-sources-", "gcf-v2-uploads-", "run-sources-"]


def define(
    name: str, role_id: pulumi.Input[str], title: str, permissions: list[str], opts: pulumi.ResourceOptions
) -> gcp.projects.IAMCustomRole:
    """A custom role of the project."""
    return gcp.projects.IAMCustomRole(name, role_id=role_id, title=title, permissions=permissions, opts=opts)


def member(account: gcp.serviceaccount.Account) -> pulumi.Output[str]:
    """An account as IAM names it."""
    return pulumi.Output.concat("serviceAccount:", account.email)


def claims_condition(bucket: str, node: str) -> str:
    """Objects below claims/NODE/, and listing with that prefix only."""
    return (
        f"resource.name.startsWith('projects/_/buckets/{bucket}/objects/claims/{node}/') || "
        "(resource.type == 'storage.googleapis.com/Bucket' && "
        f"api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('claims/{node}/'))"
    )


def sources_condition(prefixes: list[str]) -> str:
    """Objects whose names, with that of their bucket, begin with one of `prefixes`."""
    either = " || ".join(f"resource.name.startsWith('projects/_/buckets/{prefix}')" for prefix in prefixes)
    return f"resource.type == 'storage.googleapis.com/Object' && ({either})"
