"""Machines of EC2's for the nodes whose disk Fargate does not have: an environment that scales to zero.

A machine is started when a run needs it and ended after it. Its disk has room for the largest disk that a node of the
region asks for. It is of one size, on which any run fits: of a machine's nominal memory some MiB are missing, and Batch
would wait for ever with a run that asks for all of a smaller one.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from providers.aws import roles
from providers.aws.network import Network

MAX_VCPUS = 64
# 16 vCPU / 128 GiB each; the largest run has 120 GiB. Batch refuses a kind that the region does not have.
KINDS = ("r7i.4xlarge", "r6i.4xlarge", "r5.4xlarge")
# The operating system and the images' layers, beside what the run may write.
SYSTEM_DISK = 30
_AGENT = "service-role/AmazonEC2ContainerServiceforEC2Role"


def offered(region: str) -> pulumi.Output[list[str]]:
    """Those of KINDS that a region has."""
    found = aws.ec2.get_instance_type_offerings_output(
        location_type="region",
        filters=[aws.ec2.GetInstanceTypeOfferingsFilterArgs(name="instance-type", values=list(KINDS))],
        region=region,
    )
    return found.instance_types.apply(lambda known: [kind for kind in KINDS if kind in known])


class Machines:
    """`environment`: the Batch compute environment."""

    def __init__(
        self,
        name: str,
        region: str,
        disk: int,
        network: Network,
        tags: Mapping[str, str],
        own: pulumi.ResourceOptions,
    ) -> None:
        role = roles.role(name, roles.trust("ec2.amazonaws.com"), tags, own, "Machines that run prediction nodes' jobs")
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
            # A container must not get at the machine's own role: one hop ends at the machine.
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
                instance_types=offered(region),
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
            # The agent's rights have to outlive the machines, or the environment never gets rid of them.
            opts=pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(depends_on=[*network.routes, agent])),
        )
