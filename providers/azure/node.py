"""One prediction node on Azure: its image, its Container Apps job, and a container for its row and its claims."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import app, storage

from nodefile import Node, variables
from nodefile.rescue import find_primary
from providers import component
from providers.azure import limits, names, roles
from providers.azure.cluster import Cluster
from providers.azure.image import Image


class PredictionNode(component.PredictionNode):
    """A node of nodes.yaml with `cloud: azure`."""

    def __init__(
        self, node: Node, cluster: Cluster, stack: component.Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("azure", node, opts)
        own = pulumi.ResourceOptions(parent=self)
        self.image = Image(node, cluster, stack, own).image
        job = self._create_job(cluster, stack)
        self._create_container(job, cluster, stack)
        self.job = job.id
        self.console_url = pulumi.Output.concat(
            "https://portal.azure.com/#@", cluster.tenant, "/resource", job.id, "/executionHistory"
        )
        self.facts = {"logs": cluster.workspace.customer_id, "trigger": cluster.trigger.site}
        self.finish(stack, cluster.trigger.url)

    def _create_job(self, cluster: Cluster, stack: component.Stack) -> app.Job:
        node, fit, identity = self.node, limits.fit(self.node), cluster.identities[self.node.account]
        references = component.reference_keys(node) | {name: names.name_secret(name) for name in node.secrets}
        values = {**identity.keys, **identity.own}
        plain = variables.list_constants(node, stack.model_ids[node.name])
        return app.Job(
            node.name,
            resource_group_name=cluster.group.name,
            location=cluster.region,
            environment_id=cluster.environments[fit.profile].id,
            workload_profile_name=fit.profile,
            identity=app.ManagedServiceIdentityArgs(
                type=app.ManagedServiceIdentityType.USER_ASSIGNED, user_assigned_identities=[identity.id, *node.rights]
            ),
            configuration=app.JobConfigurationArgs(
                trigger_type=app.TriggerType.MANUAL,
                replica_timeout=node.timeout,
                # Container Apps counts every failed attempt alike, also one whose model failed after it had submitted.
                replica_retry_limit=0,
                manual_trigger_config=app.JobConfigurationManualTriggerConfigArgs(
                    parallelism=1, replica_completion_count=1
                ),
                # NONE: for pulling images and reading secrets only; the container cannot get a token. MAIN: the
                # container can, but images and secrets are not read with this identity.
                identity_settings=[
                    app.IdentitySettingsArgs(identity=identity.id, lifecycle=app.IdentitySettingsLifeCycle.NONE),
                    *(
                        app.IdentitySettingsArgs(identity=own, lifecycle=app.IdentitySettingsLifeCycle.MAIN)
                        for own in node.rights
                    ),
                ],
                registries=[app.RegistryCredentialsArgs(server=cluster.registry.login_server, identity=identity.id)],
                secrets=[
                    app.SecretArgs(name=name, key_vault_url=values[name], identity=identity.id)
                    for name in references.values()
                ],
            ),
            template=app.JobTemplateArgs(
                containers=[
                    app.ContainerArgs(
                        name="node",
                        image=self.image,
                        # `args` replaces the image's CMD but not its ENTRYPOINT, as on the other clouds.
                        args=list(node.command) if node.command else None,
                        resources=app.ContainerResourcesArgs(cpu=fit.cpu, memory=fit.memory_gib),
                        env=[
                            *(app.EnvironmentVarArgs(name=key, value=value) for key, value in plain.items()),
                            *(app.EnvironmentVarArgs(name=key, secret_ref=ref) for key, ref in references.items()),
                        ],
                    )
                ]
            ),
            tags=stack.tags(node),
            opts=pulumi.ResourceOptions(parent=self, depends_on=identity.settled),
        )

    def _create_container(self, job: app.Job, cluster: Cluster, stack: component.Stack) -> None:
        """Create the container of the node's claims. Its metadata is the node's row in the trigger's table."""
        node = self.node
        row: dict[str, pulumi.Input[str]] = {
            "node": node.name,
            "model_id": stack.model_ids[node.name],
            "token_sha256": stack.token_sha256(node),
            "job": job.id,
            "enabled": "yes" if node.enabled else "no",
        }
        if node.watch.enabled:
            keys = cluster.identities[node.account].addresses
            row |= {"tournament": node.tournament.value, "watch": component.write_watch(node), "keys": keys}
        if node.name in stack.partners:
            primary = find_primary(node)
            row |= {"partner": stack.partners[node.name], **({"primary": primary} if primary else {})}
        if node.alerts.channels:
            row["alerts"] = cluster.alerts.write_column(node)
        if node.schedule:
            row |= {"cron": node.schedule.cron, "timezone": node.schedule.timezone}
        storage.BlobContainer(
            component.name_in_region(node),
            resource_group_name=cluster.group.name,
            account_name=cluster.storage.name,
            container_name=f"{roles.CLAIMS}{node.name}",
            public_access=storage.PublicAccess.NONE,
            metadata=row,
            # The trigger must not serve a node before its job exists and is up to date.
            opts=pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions(parent=self, depends_on=[job]), component.alias_in_region(node)
            ),
        )
