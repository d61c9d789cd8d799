"""A region's trigger on Google Cloud: a function whose account may start the nodes' jobs and create their claims.

The function is public, since Numerai cannot sign its calls; its code checks the token. An organisation with domain
restricted sharing forbids allUsers and so refuses the member CLUSTER-public: its administrator must exempt the project.
Nodes are rows of a table in the bucket, so that a node more or less does not change the function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from providers.component import TYPE_PREFIX, Stack, hash_token
from providers.gcp import names, roles
from providers.gcp.archive import ARCHIVE
from providers.gcp.code import Code
from providers.propagation import Permissions

PYTHON = "python313"
ENTRY_POINT = "webhook"
# A whole vCPU: with the default for so little memory, a cold start takes longer than Numerai waits for an answer.
CPU, MEMORY, SECONDS = "1", "512Mi", 60
# A round calls all nodes of a region at once. Cloud Run refuses more instances than the project's quota of vCPUs in the
# region allows, which is 20 for some new projects.
MAX_INSTANCES, REQUESTS = 10, 8


@dataclass(frozen=True)
class Builder:
    """The account that builds images into one repository, and its grants."""

    account: gcp.serviceaccount.Account
    repository: gcp.artifactregistry.Repository
    grants: Sequence[pulumi.Resource]


class Trigger(pulumi.ComponentResource):
    """The webhooks of a region's nodes. A node adds a grant of `role` to `account` on its job, and its row."""

    url: pulumi.Output[str]
    """https://HOST, without a slash at the end."""
    function: pulumi.Output[str]
    """The name of the function and of its Cloud Run service."""

    def __init__(
        self,
        name: str,
        region: str,
        bucket: gcp.storage.Bucket,
        builder: Builder,
        token: pulumi.Output[str],
        environment: Mapping[str, pulumi.Output[str]],
        stack: Stack,
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`token` is the deploying identity's; `environment` has more variables of the function."""
        super().__init__(f"{TYPE_PREFIX}:gcp:Trigger", name, None, opts)
        self._name, self._region, self._bucket, self._environment = name, region, bucket, environment
        self._own = pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on)
        self.account = gcp.serviceaccount.Account(
            f"{name}-trigger",
            account_id=names.name_account("trigger", names.derive_digits(stack, region)),
            display_name="trigger of prediction nodes",
            opts=self._own,
        )
        self.role = self._create_role(stack)
        self._grant_bucket()
        source = self._upload_source()
        function = self._create_function(builder, source, stack)
        self.function = function.name
        code = self._await_code(function, builder, source, token)
        # A function has no URL before its first build has succeeded. If that was a repeated build, only the code's
        # resource knows the URL. Depends on the code, so that nothing is given the URL before the code runs.
        self.url = function.service_config.apply(
            lambda config: code.urn.apply(lambda _: str(config.uri)) if config and config.uri else code.url
        )
        gcp.cloudrunv2.ServiceIamMember(
            f"{name}-public",
            location=region,
            name=function.name,
            role="roles/run.invoker",
            member="allUsers",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[code]),
        )
        self.register_outputs({"url": self.url})

    def _create_role(self, stack: Stack) -> gcp.projects.IAMCustomRole:
        # Google blocks the id of a deleted role for 37 days and restores the role in the first 7 days only. An `up`
        # after a `destroy` therefore needs a new id, so it is derived from the webhook key, which is new then.
        digits = names.derive_fresh_digits(stack, self._region)
        return gcp.projects.IAMCustomRole(
            f"{self._name}-trigger",
            role_id=digits.apply(lambda digits: f"predictionNode_{digits}_trigger"),
            title="Prediction node trigger",
            permissions=roles.TRIGGER,
            opts=self._own,
        )

    def _grant_bucket(self) -> None:
        gcp.storage.BucketIAMMember(
            f"{self._name}-trigger",
            bucket=self._bucket.name,
            role=self.role.name,
            member=roles.name_member(self.account),
            condition=gcp.storage.BucketIAMMemberConditionArgs(
                title="claims-and-table", expression=self._bucket.name.apply(roles.build_trigger_condition)
            ),
            opts=self._own,
        )

    def _upload_source(self) -> gcp.storage.BucketObject:
        # The name contains the digest of the code: with a fixed name, new code would not update the function.
        return gcp.storage.BucketObject(
            f"{self._name}-trigger",
            bucket=self._bucket.name,
            name=f"source/trigger-{ARCHIVE.digest()[:16]}.zip",
            source=pulumi.AssetArchive({name: pulumi.StringAsset(text) for name, text in ARCHIVE.files().items()}),
            opts=self._own,
        )

    def _create_function(
        self, builder: Builder, source: gcp.storage.BucketObject, stack: Stack
    ) -> gcp.cloudfunctionsv2.Function:
        functions = gcp.cloudfunctionsv2
        after = pulumi.ResourceOptions(parent=self, depends_on=list(builder.grants))
        permissions = Permissions("gcp", self._name, builder.account.email, [], after)
        return functions.Function(
            self._name,
            location=self._region,
            description="webhooks of prediction nodes",
            build_config=functions.FunctionBuildConfigArgs(
                runtime=PYTHON,
                entry_point=ENTRY_POINT,
                service_account=builder.account.id,
                docker_repository=builder.repository.id,
                source=functions.FunctionBuildConfigSourceArgs(
                    storage_source=functions.FunctionBuildConfigSourceStorageSourceArgs(
                        bucket=self._bucket.name, object=source.name
                    )
                ),
            ),
            service_config=functions.FunctionServiceConfigArgs(
                available_cpu=CPU,
                available_memory=MEMORY,
                timeout_seconds=SECONDS,
                max_instance_count=MAX_INSTANCES,
                # A slow call must not make the next call wait for another instance.
                max_instance_request_concurrency=REQUESTS,
                min_instance_count=0,
                ingress_settings="ALLOW_ALL",
                all_traffic_on_latest_revision=True,
                service_account_email=self.account.email,
                environment_variables={
                    "PACKAGE": ARCHIVE.digest(),
                    "BUCKET": self._bucket.name,
                    # The watch's calls come from Cloud Scheduler, with a token of their own.
                    "WATCH_SHA256": pulumi.Output.unsecret(stack.watch_token.apply(hash_token)),
                    "PARENT": pulumi.Output.concat("projects/", self.account.project, "/locations/", self._region),
                    **self._environment,
                },
            ),
            labels=names.build_labels(stack.tags()),
            opts=pulumi.ResourceOptions.merge(self._own, pulumi.ResourceOptions(depends_on=[permissions])),
        )

    def _await_code(
        self,
        function: gcp.cloudfunctionsv2.Function,
        builder: Builder,
        source: gcp.storage.BucketObject,
        token: pulumi.Output[str],
    ) -> Code:
        build = {
            "runtime": PYTHON,
            "entryPoint": ENTRY_POINT,
            "serviceAccount": builder.account.id,
            "dockerRepository": builder.repository.id,
            "source": {"storageSource": {"bucket": self._bucket.name, "object": source.name}},
        }
        opts = pulumi.ResourceOptions(parent=self, depends_on=[function], deleted_with=function)
        return Code(self._name, function.id, build, token, opts)
