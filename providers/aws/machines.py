"""EC2 machines for nodes whose disk is too large for Fargate: a compute environment that scales to zero.

A machine is started for a run, which gets all of it, and terminated afterwards. Machines differ only in their disks.
Their memory is enough for any run: a machine offers less than its nominal size, and Batch would wait for ever for one
with all of the requested memory.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from providers.aws import roles
from providers.aws.network import Network

MAX_VCPUS = 64
# 16 vCPU / 128 GiB each; the largest run has 120 GiB. Batch refuses types that the region does not offer.
KINDS = ("r7i.4xlarge", "r6i.4xlarge", "r5.4xlarge")
# GiB for the operating system and the image's layers, in addition to the node's disk.
SYSTEM_DISK = 30
_AGENT = "service-role/AmazonEC2ContainerServiceforEC2Role"


def list_offered_kinds(region: str) -> pulumi.Output[list[str]]:
    """Return those of KINDS that a region offers."""
    offerings = aws.ec2.get_instance_type_offerings_output(
        location_type="region",
        filters=[aws.ec2.GetInstanceTypeOfferingsFilterArgs(name="instance-type", values=list(KINDS))],
        region=region,
    )
    return offerings.instance_types.apply(lambda offered: [kind for kind in KINDS if kind in offered])


class Machines:
    """The Batch compute environment (`environment`) and the resources that it needs."""

    def __init__(
        self,
        name: str,
        region: str,
        disk: int,
        network: Network,
        tags: Mapping[str, str],
        own: pulumi.ResourceOptions,
    ) -> None:
        role = roles.create_role(
            name, roles.build_trust_policy("ec2.amazonaws.com"), tags, own, "Machines that run prediction nodes' jobs"
        )
        partition = role.arn.apply(lambda arn: arn.split(":")[1])
        agent = aws.iam.RolePolicyAttachment(
            name,
            role=role.name,
            policy_arn=pulumi.Output.concat("arn:", partition, ":iam::aws:policy/", _AGENT),
            opts=own,
        )
        profile = aws.iam.InstanceProfile(name, path=role.path, role=role.name, tags=dict(tags), opts=own)
        template = aws.ec2.LaunchTemplate(
            name,
            block_device_mappings=[
                aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name="/dev/xvda",
                    ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_size=disk + SYSTEM_DISK,
                        volume_type="gp3",
                        delete_on_termination="true",
                        encrypted="true",
                    ),
                )
            ],
            # With a limit of one hop, containers cannot reach the machine's credentials.
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_tokens="required", http_put_response_hop_limit=1
            ),
            region=region,
            tags=dict(tags),
            opts=own,
        )
        self.environment = aws.batch.ComputeEnvironment(
            name,
            type="MANAGED",
            state="ENABLED",
            compute_resources=aws.batch.ComputeEnvironmentComputeResourcesArgs(
                type="EC2",
                allocation_strategy="BEST_FIT_PROGRESSIVE",
                min_vcpus=0,
                max_vcpus=MAX_VCPUS,
                instance_types=list_offered_kinds(region),
                instance_role=profile.arn,
                launch_template=aws.batch.ComputeEnvironmentComputeResourcesLaunchTemplateArgs(
                    launch_template_id=template.id, version=template.latest_version.apply(str)
                ),
                ec2_configurations=[
                    aws.batch.ComputeEnvironmentComputeResourcesEc2ConfigurationArgs(image_type="ECS_AL2023")
                ],
                subnets=network.subnets,
                security_group_ids=[network.security_group.id],
                tags=dict(tags),
            ),
            region=region,
            tags=dict(tags),
            # The agent's permissions must be deleted after the machines, or the machines could not be removed.
            opts=pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(depends_on=[*network.routes, agent])),
        )
