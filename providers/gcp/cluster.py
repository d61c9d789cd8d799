"""What the Google Cloud nodes of a region share: services, bucket, repositories, builders, secrets and roles.

Made with the first node of a region and gone with the last. Nothing in it runs at rest. Images and triggers are built
by two accounts, since a model's Dockerfile runs code of others: it must not be able to replace a trigger.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from nodefile import Node
from providers.contract import TYPE_PREFIX, Stack
from providers.gcp import names, roles
from providers.gcp.archive import ARCHIVE
from providers.gcp.repositories import KEEP, OLD_DAYS, Repositories
from providers.gcp.services import SERVICES

CLAIM_DAYS, SOURCE_DAYS = 30, 30
KEEP_TRIGGERS, OLD_IMAGES = 2, f"{OLD_DAYS * 24 * 3600}s"


class Cluster(pulumi.ComponentResource):
    """The shared parts of one region. Its attributes are what nodes refer to."""

    project: pulumi.Output[str]
    token: pulumi.Output[str]
    """The deployer's access token, secret; good for about an hour."""

    def __init__(
        self, region: str, nodes: Sequence[Node], stack: Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self.name = f"gcp-{region}"
        super().__init__(f"{TYPE_PREFIX}:gcp:Cluster", self.name, None, opts)
        self.region, self.digits = region, names.digits(stack, region)
        self._labels = names.labels(stack.tags())
        client = gcp.organizations.get_client_config_output()
        self.project = client.project.apply(known_project)
        self.token = pulumi.Output.secret(client.access_token)
        self.services = [
            gcp.projects.Service(
                f"{self.name}-{service}",
                service=f"{service}.googleapis.com",
                # What else in the project uses it must not lose it.
                disable_on_destroy=False,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for service in SERVICES
        ]
        self.own = pulumi.ResourceOptions(parent=self, depends_on=self.services)
        self._bucket()
        self._repositories(sorted(node.name for node in nodes))
        self._builders()
        self._secrets(nodes, stack)
        self._roles(stack)
        self._trigger_source()
        self._request_log()
        self.register_outputs({"bucket": self.bucket.name})

    def _bucket(self) -> None:
        def delete_after(days: int, prefix: str) -> gcp.storage.BucketLifecycleRuleArgs:
            return gcp.storage.BucketLifecycleRuleArgs(
                action=gcp.storage.BucketLifecycleRuleActionArgs(type="Delete"),
                condition=gcp.storage.BucketLifecycleRuleConditionArgs(age=days, matches_prefixes=[prefix]),
            )

        self.bucket = gcp.storage.Bucket(
            self.name,
            location=self.region.upper(),
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            force_destroy=True,
            # Claims and sources are worth nothing once they are deleted: no copies to pay for.
            soft_delete_policy=gcp.storage.BucketSoftDeletePolicyArgs(retention_duration_seconds=0),
            lifecycle_rules=[delete_after(CLAIM_DAYS, "claims/"), delete_after(SOURCE_DAYS, "source/images/")],
            labels=self._labels,
            opts=self.own,
        )

    def _repositories(self, nodes: list[str]) -> None:
        self.images = gcp.artifactregistry.Repository(
            f"{self.name}-images",
            repository_id=f"nodes-{self.digits}",
            location=self.region,
            format="DOCKER",
            docker_config=gcp.artifactregistry.RepositoryDockerConfigArgs(immutable_tags=True),
            cleanup_policy_dry_run=False,
            # For images without a tag, those of `docker: true`: immutable tags keep the others from it, which are
            # deleted by each build and by Repositories. Names the nodes there are: the images of others go.
            cleanup_policies=_cleanup(KEEP, nodes),
            labels=self._labels,
            opts=self.own,
        )
        Repositories(self.name, self.images.id, nodes, self.token, self.own)
        # Cloud Functions moves the tags of what it builds, which an immutable repository would refuse.
        self.triggers = gcp.artifactregistry.Repository(
            f"{self.name}-triggers",
            repository_id=f"triggers-{self.digits}",
            location=self.region,
            format="DOCKER",
            cleanup_policy_dry_run=False,
            # A deployed function keeps its own copy of its image.
            cleanup_policies=_cleanup(KEEP_TRIGGERS, None),
            labels=self._labels,
            opts=self.own,
        )
        self.images_url = pulumi.Output.concat(
            self.region, "-docker.pkg.dev/", self.project, "/", self.images.repository_id
        )

    def _builders(self) -> None:
        self.builder, self.builder_grants = self._builder(
            "images", self.images, self.bucket.name.apply(lambda name: [f"{name}/objects/source/images/"])
        )
        self.packager, self.packager_grants = self._builder(
            "triggers", self.triggers, pulumi.Output.from_input(roles.FUNCTION_SOURCES)
        )

    def _builder(
        self, what: str, repository: gcp.artifactregistry.Repository, readable: pulumi.Output[list[str]]
    ) -> tuple[gcp.serviceaccount.Account, list[pulumi.Resource]]:
        """An account that builds: it writes logs, reads its sources, and pushes to one repository."""
        name = f"{self.name}-build-{what}"
        account = gcp.serviceaccount.Account(
            name,
            account_id=names.account(what, "bld", self.digits),
            display_name=f"builds {what} of prediction nodes",
            opts=self.own,
        )
        who = roles.member(account)
        logs = gcp.projects.IAMMember(
            f"{name}-logs", project=self.project, role="roles/logging.logWriter", member=who, opts=self.own
        )
        sources = gcp.projects.IAMMember(
            f"{name}-sources",
            project=self.project,
            role="roles/storage.objectViewer",
            member=who,
            condition=gcp.projects.IAMMemberConditionArgs(
                title="sources", expression=readable.apply(roles.sources_condition)
            ),
            opts=self.own,
        )
        push = gcp.artifactregistry.RepositoryIamMember(
            f"{name}-push",
            location=self.region,
            repository=repository.name,
            role="roles/artifactregistry.writer",
            member=who,
            opts=self.own,
        )
        return account, [logs, sources, push]

    def _secrets(self, nodes: Sequence[Node], stack: Stack) -> None:
        self.secrets: dict[str, tuple[pulumi.Output[str], pulumi.Output[str]]] = {}
        """Name -> id and version of the secret."""
        for name, value in stack.keys_of(nodes).items():
            secret = gcp.secretmanager.Secret(
                f"{self.name}-{name}",
                secret_id=f"{name}-{self.digits}",
                replication=gcp.secretmanager.SecretReplicationArgs(auto=gcp.secretmanager.SecretReplicationAutoArgs()),
                deletion_protection=False,
                labels=self._labels,
                opts=self.own,
            )
            version = gcp.secretmanager.SecretVersion(
                f"{self.name}-{name}", secret=secret.id, secret_data=value, opts=self.own
            )
            self.secrets[name] = (secret.secret_id, pulumi.Output.unsecret(version.version))

    def _roles(self, stack: Stack) -> None:
        # Google keeps the id of a deleted role for 37 days and gives it back in the first 7 only: an `up` after a
        # `destroy` needs other ids, so they come from the one thing that is new then.
        digits = names.fresh_digits(stack, self.region)

        def define(word: str, title: str, permissions: list[str]) -> gcp.projects.IAMCustomRole:
            id_ = digits.apply(lambda known: f"predictionNode_{known}_{word}")
            return roles.define(f"{self.name}-{word}", id_, title, permissions, self.own)

        self.runner = define("runner", "Prediction node job runner", roles.RUNNER)
        self.claimer = define("claimer", "Prediction node claimer", roles.CLAIMER)

    def _trigger_source(self) -> None:
        # The content's digest is in the name: with a fixed name, new code would leave the functions as they are.
        self.trigger_source = gcp.storage.BucketObject(
            f"{self.name}-trigger",
            bucket=self.bucket.name,
            name=f"source/trigger-{ARCHIVE.digest()[:16]}.zip",
            source=pulumi.AssetArchive({name: pulumi.StringAsset(text) for name, text in ARCHIVE.files().items()}),
            opts=self.own,
        )

    def _request_log(self) -> None:
        # Cloud Run keeps a log of requests with their addresses, and the token is part of a webhook's address. What the
        # trigger says of each request stays.
        gcp.logging.ProjectExclusion(
            self.name,
            description="addresses of prediction nodes' webhooks, which hold their tokens",
            filter=(
                f'resource.type="cloud_run_revision" AND resource.labels.location="{self.region}" '
                'AND httpRequest.requestUrl=~"/pred/[0-9a-fA-F-]{36}[/?]"'
            ),
            opts=self.own,
        )


def known_project(project: str) -> str:
    """The project that the provider works on. Raises RunError where its configuration names none."""
    if not project:
        raise pulumi.RunError("gcp nodes need a project: pulumi config set gcp:project PROJECT_ID")
    return project


def _cleanup(keep: int, packages: list[str] | None) -> list[gcp.artifactregistry.RepositoryCleanupPolicyArgs]:
    """Delete what is old but for the newest of each package (of these, when they are named)."""
    policy = gcp.artifactregistry.RepositoryCleanupPolicyArgs
    newest = gcp.artifactregistry.RepositoryCleanupPolicyMostRecentVersionsArgs(
        keep_count=keep, package_name_prefixes=packages
    )
    old = gcp.artifactregistry.RepositoryCleanupPolicyConditionArgs(tag_state="ANY", older_than=OLD_IMAGES)
    # A KEEP rule only exempts from a DELETE rule: both are needed.
    return [
        policy(id="delete-old", action="DELETE", condition=old),
        policy(id="keep-recent", action="KEEP", most_recent_versions=newest),
    ]
