"""The network of one region's jobs: a small, separate VPC with two public subnets that accepts no connections.

Jobs only open outgoing connections (to pull the image, read the keys and call Numerai), so they get a public address
and a security group without ingress rules. This is free, whereas a NAT gateway would cost more than all the rest.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

CIDR = "10.64.0.0/20"
SUBNETS = ("10.64.0.0/22", "10.64.4.0/22")
# Availability zones without Fargate.
WITHOUT_FARGATE = ["use1-az3", "usw1-az2", "cac1-az3", "apne1-az3"]


class Network:
    """The `subnets`, the `security_group`, and `routes`: resources that jobs need but do not refer to."""

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
        self._create_subnets(vpc)
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

    def _create_subnets(self, vpc: aws.ec2.Vpc) -> None:
        name, region, own = self._name, self._region, self._own
        gateway = aws.ec2.InternetGateway(name, vpc_id=vpc.id, region=region, tags=self._tags, opts=own)
        # The network's own table, which would make the associations unnecessary, has no tags when it is created. So the
        # deploying identity could only be allowed to change it if it might change the tables of other networks as well.
        table = aws.ec2.RouteTable(
            # Not only `name`: earlier versions had a table whose route was a separate resource.
            f"{name}-out",
            vpc_id=vpc.id,
            routes=[aws.ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", gateway_id=gateway.id)],
            region=region,
            tags=self._tags,
            opts=own,
        )
        self.routes.append(table)
        zones = aws.get_availability_zones_output(
            state="available",
            exclude_zone_ids=WITHOUT_FARGATE,
            # Leaves out local zones and others that accounts have to opt in to.
            filters=[aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])],
            region=region,
        ).names
        # A new zone may change the order of this list, which must not move existing subnets.
        fixed = pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(ignore_changes=["availabilityZone"]))
        for number, cidr in enumerate(SUBNETS):
            subnet = aws.ec2.Subnet(
                f"{name}-{number}",
                vpc_id=vpc.id,
                cidr_block=cidr,
                availability_zone=_pick_zone(zones, number),
                map_public_ip_on_launch=True,
                region=region,
                tags=self._tags,
                opts=fixed,
            )
            self.subnets.append(subnet.id)
            self.routes.append(
                aws.ec2.RouteTableAssociation(
                    f"{name}-{number}", subnet_id=subnet.id, route_table_id=table.id, region=region, opts=own
                )
            )


def _pick_zone(zones: pulumi.Output[list[str]], number: int) -> pulumi.Output[str]:
    """Return a subnet's zone. If an account has only one zone with Fargate (us-west-1), both subnets are in it."""
    return zones.apply(lambda names: names[number % len(names)])
