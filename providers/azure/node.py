"""One prediction node on Azure: image, Container Apps job and trigger, in eleven resources."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import app

from nodefile import Node, variables
from providers import component
from providers.azure import limits
from providers.azure.cluster import Cluster
from providers.azure.image import Image
from providers.azure.trigger import Trigger


class PredictionNode(component.PredictionNode):
    """A node of nodes.yaml with `cloud: azure`."""

    def __init__(
        self, node: Node, cluster: Cluster, stack: component.Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("azure", node, opts)
        own = pulumi.ResourceOptions(parent=self)
        self.image = Image(node, cluster, stack, own).image
        job = self._create_job(cluster, stack)
        trigger = Trigger(node, cluster, job, stack, own)
        self.job = job.id
        self.console_url = pulumi.Output.concat(
            "https://portal.azure.com/#@", cluster.tenant, "/resource", job.id, "/executionHistory"
        )
        self.facts = {"logs": cluster.workspace.customer_id, "trigger": trigger.site}
        self.finish(stack, trigger.url)

    def _create_job(self, cluster: Cluster, stack: component.Stack) -> app.Job:
        node, fit, references = self.node, limits.fit(self.node), component.reference_keys(self.node)
        plain = variables.list_constants(node, stack.model_ids[node.name])
        return app.Job(
            node.name,
            resource_group_name=cluster.group.name,
            location=cluster.region,
            environment_id=cluster.environments[fit.profile].id,
            workload_profile_name=fit.profile,
            identity=app.ManagedServiceIdentityArgs(
                type=app.ManagedServiceIdentityType.USER_ASSIGNED, user_assigned_identities=[cluster.puller.id]
            ),
            configuration=app.JobConfigurationArgs(
                trigger_type=app.TriggerType.MANUAL,
                replica_timeout=node.timeout,
                # Only the trigger restarts failed runs, so that nothing is submitted twice unexpectedly.
                replica_retry_limit=0,
                manual_trigger_config=app.JobConfigurationManualTriggerConfigArgs(
                    parallelism=1, replica_completion_count=1
                ),
                # NONE: for pulling images and reading secrets only; the container cannot get a token.
                identity_settings=[
                    app.IdentitySettingsArgs(identity=cluster.puller.id, lifecycle=app.IdentitySettingsLifeCycle.NONE)
                ],
                registries=[
                    app.RegistryCredentialsArgs(server=cluster.registry.login_server, identity=cluster.puller.id)
                ],
                secrets=[
                    app.SecretArgs(name=name, key_vault_url=cluster.secrets[name], identity=cluster.puller.id)
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
            opts=pulumi.ResourceOptions(parent=self, depends_on=cluster.puller_grants),
        )
