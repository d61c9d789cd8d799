"""The resources that the Google Cloud nodes of one region share: bucket, repositories, secrets, identities, trigger.

The cluster is created with the first node of a region and deleted with the last. Nothing in it runs while no job runs.
Adding or removing a node changes nothing in it, with two exceptions: the first node of a Numerai account adds the
account's keys and an identity that may read them, and the first schedule enables Cloud Scheduler. Images and triggers
are built by different accounts: a model's Dockerfile runs third-party code, which must not be able to replace a
trigger.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from nodefile import Node
from providers.component import TYPE_PREFIX, WATCH_MINUTES, Stack, reference_keys
from providers.gcp import names, roles
from providers.gcp.alerts import Alerts
from providers.gcp.job_identity import JobIdentity, group_nodes
from providers.gcp.repositories import KEEP, OLD_DAYS
from providers.gcp.services import find_scheduler_region, list_services
from providers.gcp.trigger import SECONDS, Builder, Trigger
from providers.numerai.keys import list_accounts, name_keys
from providers.own_secrets import list_names

# Claims and marks are the nodes' history, which `pnodes history` shows for 90 days.
CLAIM_DAYS, SOURCE_DAYS = 95, 30
KEEP_TRIGGERS, OLD_IMAGES = 2, f"{OLD_DAYS * 24 * 3600}s"


class Cluster(pulumi.ComponentResource):
    """The shared resources of one region. Nodes refer to its attributes."""

    project: pulumi.Output[str]
    token: pulumi.Output[str]
    """The deploying identity's access token, secret; valid for about an hour."""

    def __init__(
        self, region: str, nodes: Sequence[Node], stack: Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self.name = f"gcp-{region}"
        super().__init__(f"{TYPE_PREFIX}:gcp:Cluster", self.name, None, opts)
        self.region, self.digits = region, names.derive_digits(stack, region)
        self._labels = names.build_labels(stack.tags())
        client = gcp.organizations.get_client_config_output()
        self.project = client.project.apply(require_project)
        self.token = pulumi.Output.secret(client.access_token)
        self.services = [
            gcp.projects.Service(
                f"{self.name}-{service}",
                service=f"{service}.googleapis.com",
                # Other resources in the project may use the service too.
                disable_on_destroy=False,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for service in list_services(nodes)
        ]
        self.own = pulumi.ResourceOptions(parent=self, depends_on=self.services)
        self._create_bucket()
        self._create_repositories()
        self._create_builders()
        self._create_secrets(nodes, stack)
        self.identities = {
            who: JobIdentity(
                self.name, members[0], self.digits, self._select_secrets(members), list_names(members), self.own
            )
            for who, members in group_nodes(nodes).items()
        }
        """By `name_identity`."""
        self._exclude_request_log()
        self.alerts = Alerts(self.name, self.digits, nodes, stack, self._labels, self.own)
        self.trigger = Trigger(
            self.name, region, self.bucket, self.packager, self.token, self.alerts.environment, stack, self.own
        )
        self.alerts.grant(self.trigger.account)
        self.alerts.send_emails(self.trigger.function, region, self._labels)
        watched = [node for node in nodes if node.watch.enabled]
        if watched:
            self._create_watch(watched, stack)
        self.register_outputs({"bucket": self.bucket.name})

    def _create_bucket(self) -> None:
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
            # Deleted claims and sources are never needed again, so keeping copies would only cost money.
            soft_delete_policy=gcp.storage.BucketSoftDeletePolicyArgs(retention_duration_seconds=0),
            lifecycle_rules=[delete_after(CLAIM_DAYS, "claims/"), delete_after(SOURCE_DAYS, "source/images/")],
            labels=self._labels,
            opts=self.own,
        )

    def _create_repositories(self) -> None:
        self.images = gcp.artifactregistry.Repository(
            f"{self.name}-images",
            repository_id=f"nodes-{self.digits}",
            location=self.region,
            format="DOCKER",
            docker_config=gcp.artifactregistry.RepositoryDockerConfigArgs(immutable_tags=True),
            cleanup_policy_dry_run=False,
            # Only untagged images (those of `docker: true`) are cleaned up here. Tagged ones are immutable and are
            # removed by each build, and with their node (`repositories`).
            cleanup_policies=_build_cleanup_policies(KEEP),
            labels=self._labels,
            opts=self.own,
        )
        # No immutable tags: Cloud Functions moves the tags of the images that it builds.
        self.triggers = gcp.artifactregistry.Repository(
            f"{self.name}-triggers",
            repository_id=f"triggers-{self.digits}",
            location=self.region,
            format="DOCKER",
            cleanup_policy_dry_run=False,
            # A deployed function has its own copy of its image.
            cleanup_policies=_build_cleanup_policies(KEEP_TRIGGERS),
            labels=self._labels,
            opts=self.own,
        )
        self.images_url = pulumi.Output.concat(
            self.region, "-docker.pkg.dev/", self.project, "/", self.images.repository_id
        )

    def _create_builders(self) -> None:
        self.builder = self._create_builder(
            "images", self.images, self.bucket.name.apply(lambda name: [f"{name}/objects/source/images/"])
        )
        self.packager = self._create_builder(
            "triggers", self.triggers, pulumi.Output.from_input(roles.FUNCTION_SOURCES)
        )

    def _create_builder(
        self, what: str, repository: gcp.artifactregistry.Repository, readable: pulumi.Output[list[str]]
    ) -> Builder:
        """Create an account for builds, which may write logs, read its sources and push to one repository."""
        name = f"{self.name}-build-{what}"
        account = gcp.serviceaccount.Account(
            name,
            account_id=names.name_account(f"{what}-bld", self.digits),
            display_name=f"builds {what} of prediction nodes",
            opts=self.own,
        )
        member = roles.name_member(account)
        logs = gcp.projects.IAMMember(
            f"{name}-logs", project=self.project, role="roles/logging.logWriter", member=member, opts=self.own
        )
        sources = gcp.projects.IAMMember(
            f"{name}-sources",
            project=self.project,
            role="roles/storage.objectViewer",
            member=member,
            condition=gcp.projects.IAMMemberConditionArgs(
                title="sources", expression=readable.apply(roles.build_sources_condition)
            ),
            opts=self.own,
        )
        push = gcp.artifactregistry.RepositoryIamMember(
            f"{name}-push",
            location=self.region,
            repository=repository.name,
            role="roles/artifactregistry.writer",
            member=member,
            opts=self.own,
        )
        return Builder(account, repository, [logs, sources, push])

    def _create_secrets(self, nodes: Sequence[Node], stack: Stack) -> None:
        self.secrets: dict[str, tuple[pulumi.Output[str], pulumi.Output[str]]] = {}
        """Name -> id and version of the secret."""
        for name, value in {**stack.select_keys(nodes), **stack.select_secrets(nodes)}.items():
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

    def _select_secrets(self, nodes: Sequence[Node]) -> dict[str, pulumi.Output[str]]:
        """Return the ids of the secrets that these nodes' jobs refer to, by name."""
        keys = [key for node in nodes for key in reference_keys(node).values()]
        return {name: self.secrets[name][0] for name in sorted({*keys, *list_names(nodes)})}

    def name_keys(self, account: str | None) -> pulumi.Output[str]:
        """Return the names of the secrets with an account's keys, as the trigger's table refers to them."""
        keys = name_keys(account)
        return pulumi.Output.concat(self.secrets[keys.public_id][0], "~", self.secrets[keys.secret][0])

    def _create_watch(self, nodes: Sequence[Node], stack: Stack) -> None:
        """Call the trigger regularly, and let it read the keys of the watched nodes' accounts."""
        for account in list_accounts(nodes):
            keys = name_keys(account)
            for key in (keys.public_id, keys.secret):
                gcp.secretmanager.SecretIamMember(
                    f"{self.name}-watch-{key}",
                    secret_id=self.secrets[key][0],
                    role="roles/secretmanager.secretAccessor",
                    member=roles.name_member(self.trigger.account),
                    opts=pulumi.ResourceOptions(parent=self),
                )
        gcp.cloudscheduler.Job(
            f"{self.name}-watch",
            region=find_scheduler_region(self.region),
            description="watches the rounds of the region's prediction nodes",
            schedule=f"*/{WATCH_MINUTES} * * * *",
            time_zone="Etc/UTC",
            attempt_deadline=f"{SECONDS}s",
            # The next pass does what this one could not.
            retry_config=gcp.cloudscheduler.JobRetryConfigArgs(retry_count=0),
            http_target=gcp.cloudscheduler.JobHttpTargetArgs(
                http_method="POST",
                uri=pulumi.Output.concat(self.trigger.url, "/watch"),
                headers={"Content-Type": "application/json", "X-Trigger-Token": stack.watch_token},
                body=base64.b64encode(b"{}").decode(),
            ),
            opts=self.own,
        )

    def _exclude_request_log(self) -> None:
        # Cloud Run logs the URL of each request, and a webhook's URL contains the token. The trigger's own log lines
        # are not excluded.
        gcp.logging.ProjectExclusion(
            self.name,
            description="addresses of prediction nodes' webhooks, which hold their tokens",
            filter=(
                f'resource.type="cloud_run_revision" AND resource.labels.location="{self.region}" '
                'AND httpRequest.requestUrl=~"/pred/[0-9a-fA-F-]{36}[/?]"'
            ),
            opts=self.own,
        )


def require_project(project: str) -> str:
    """Return the provider's project. Raises RunError if the configuration names none."""
    if not project:
        raise pulumi.RunError("gcp nodes need a project: pulumi config set gcp:project PROJECT_ID")
    return project


def _build_cleanup_policies(keep: int) -> list[gcp.artifactregistry.RepositoryCleanupPolicyArgs]:
    """Return policies that delete old images except the newest `keep` of each package."""
    policy = gcp.artifactregistry.RepositoryCleanupPolicyArgs
    newest = gcp.artifactregistry.RepositoryCleanupPolicyMostRecentVersionsArgs(keep_count=keep)
    old = gcp.artifactregistry.RepositoryCleanupPolicyConditionArgs(tag_state="ANY", older_than=OLD_IMAGES)
    # Both policies are needed: KEEP only makes exceptions to DELETE.
    return [
        policy(id="delete-old", action="DELETE", condition=old),
        policy(id="keep-recent", action="KEEP", most_recent_versions=newest),
    ]
