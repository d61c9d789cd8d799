"""The network of one region's jobs: a small VPC of its own with two public subnets and no way in.

Jobs only call out (image, keys, Numerai), so they get a public address and a security group without any rule for what
comes in; that is free, where a NAT gateway would cost more than everything else together.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

CIDR = "10.64.0.0/20"
SUBNETS = ("10.64.0.0/22", "10.64.4.0/22")
# Zones where Fargate has no capacity.
WITHOUT_FARGATE = ["use1-az3", "usw1-az2", "cac1-az3", "apne1-az3"]


class Network:
    """`subnets`, `security_group`, and `routes`: what jobs need although nothing that runs them refers to it."""

    def __init__(self, name: str, region: str, tags: Mapping[str, str], own: pulumi.ResourceOptions) -> None:
        self._name, self._region, self._own = name, region, own
        self._tags = {**tags, "Name": name}
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=CIDR,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            region=region,
            tags=self._tags,
            opts=own,
        )
        self.subnets: list[pulumi.Output[str]] = []
        self.routes: list[pulumi.Resource] = []
        self._public(vpc)
        self.security_group = aws.ec2.SecurityGroup(
            name,
            vpc_id=vpc.id,
            description="Prediction node jobs: out, never in",
            region=region,
            tags=self._tags,
            opts=own,
        )
        out = aws.vpc.SecurityGroupEgressRule(
            name,
            security_group_id=self.security_group.id,
            ip_protocol="-1",
            cidr_ipv4="0.0.0.0/0",
            region=region,
            tags=self._tags,
            opts=own,
        )
        self.routes.append(out)

    def _public(self, vpc: aws.ec2.Vpc) -> None:
        name, region, own = self._name, self._region, self._own
        gateway = aws.ec2.InternetGateway(name, vpc_id=vpc.id, region=region, tags=self._tags, opts=own)
        table = aws.ec2.RouteTable(name, vpc_id=vpc.id, region=region, tags=self._tags, opts=own)
        self.routes.append(
            aws.ec2.Route(
                name,
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                gateway_id=gateway.id,
                region=region,
                opts=own,
            )
        )
        zones = aws.get_availability_zones_output(
            state="available",
            exclude_zone_ids=WITHOUT_FARGATE,
            # Local zones and the like have to be asked for, and are no place for a job.
            filters=[aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])],
            region=region,
        ).names
        # A zone that opens later may move the others in this list: what stands stays.
        kept = pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(ignore_changes=["availabilityZone"]))
        for number, cidr in enumerate(SUBNETS):
            subnet = aws.ec2.Subnet(
                f"{name}-{number}",
                vpc_id=vpc.id,
                cidr_block=cidr,
                availability_zone=_zone(zones, number),
                map_public_ip_on_launch=True,
                region=region,
                tags=self._tags,
                opts=kept,
            )
            self.subnets.append(subnet.id)
            self.routes.append(
                aws.ec2.RouteTableAssociation(
                    f"{name}-{number}", subnet_id=subnet.id, route_table_id=table.id, region=region, opts=own
                )
            )


def _zone(zones: pulumi.Output[list[str]], number: int) -> pulumi.Output[str]:
    """A zone for each subnet. An account may have one zone only where Fargate runs (us-west-1): both lie in it then."""
    return zones.apply(lambda names: names[number % len(names)])
