"""EC2's networks and launch templates. They carry no traffic, but have EC2's checks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sandbox.aws.handlers import AwsHandler
from sandbox.cloud import CloudError, Resource

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

VPC = "aws:ec2/vpc:Vpc"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
TABLE = "aws:ec2/routeTable:RouteTable"
ROUTE = "aws:ec2/route:Route"
SUBNET = "aws:ec2/subnet:Subnet"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"


class Vpc(AwsHandler):
    """VPCs."""

    service, arn, named, prefix = "ec2", "vpc/{id}", None, "vpc"

    def delete(self, resource: Resource) -> None:
        self.refuse_if_used(resource, *((type_, "vpcId") for type_ in (GATEWAY, TABLE, SUBNET, GROUP)))


class Gateway(AwsHandler):
    """Internet gateways."""

    service, arn, named, prefix, refers = "ec2", "internet-gateway/{id}", None, "igw", {"vpcId": VPC}

    def delete(self, resource: Resource) -> None:
        self.refuse_if_used(resource, (ROUTE, "gatewayId"))


class Table(AwsHandler):
    """Route tables."""

    service, arn, named, prefix, refers = "ec2", "route-table/{id}", None, "rtb", {"vpcId": VPC}

    def add_computed(self, resource: Resource) -> None:
        for route in resource.inputs.get("routes") or []:
            self.cloud.require(GATEWAY, route["gatewayId"])

    def delete(self, resource: Resource) -> None:
        self.refuse_if_used(resource, (ASSOCIATION, "routeTableId"))


class Route(AwsHandler):
    """Routes."""

    named, prefix, refers = None, "r", {"routeTableId": TABLE, "gatewayId": GATEWAY}


class Subnet(AwsHandler):
    """Subnets."""

    service, arn, named, prefix, refers = "ec2", "subnet/{id}", None, "subnet", {"vpcId": VPC}

    def create(self, resource: Resource) -> None:
        vpc = self.cloud.require(VPC, resource.inputs["vpcId"])
        block = ipaddress.ip_network(resource.inputs["cidrBlock"])
        if not block.subnet_of(ipaddress.ip_network(vpc["cidrBlock"])):  # type: ignore[arg-type]
            raise CloudError(f"InvalidSubnet.Range: The CIDR '{block}' is invalid.")
        for other in self.cloud.resources(SUBNET):
            if other["vpcId"] == vpc.id and block.overlaps(ipaddress.ip_network(other["cidrBlock"])):
                raise CloudError(f"InvalidSubnet.Conflict: The CIDR '{block}' conflicts with another subnet")
        super().create(resource)

    def delete(self, resource: Resource) -> None:
        refuse_if_computing(self, resource, "subnets")


class Association(AwsHandler):
    """Associations of subnets with route tables."""

    named, prefix, refers = None, "rtbassoc", {"subnetId": SUBNET, "routeTableId": TABLE}


class SecurityGroup(AwsHandler):
    """Security groups."""

    service, arn, prefix, refers = "ec2", "security-group/{id}", "sg", {"vpcId": VPC}

    def check(self, inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        if str(inputs.get("name", "")).startswith("sg-"):
            yield "name", "invalid value for name (cannot begin with sg-)"

    def delete(self, resource: Resource) -> None:
        refuse_if_computing(self, resource, "securityGroupIds")


class Egress(AwsHandler):
    """Rules for outgoing traffic."""

    named, prefix, refers = None, "sgr", {"securityGroupId": GROUP}


class Template(AwsHandler):
    """Launch templates: every change creates a new version."""

    service, arn, prefix = "ec2", "launch-template/{id}", "lt"

    def add_computed(self, resource: Resource) -> None:
        resource.outputs["latestVersion"] = resource.outputs.get("latestVersion", 0) + 1

    def unknown_outputs(self, old_inputs: dict[str, Any], inputs: dict[str, Any]) -> set[str]:
        return super().unknown_outputs(old_inputs, inputs) | {"latestVersion"}


def refuse_if_computing(handler: AwsHandler, resource: Resource, key: str) -> None:
    """Refuse the deletion while a compute environment uses the subnet or security group."""
    for environment in handler.cloud.resources(ENVIRONMENT):
        if resource.id in (environment["computeResources"].get(key) or []):
            raise CloudError(f"DependencyViolation: {resource.id} has a dependent object ({environment.id})")


def has_route(cloud: AwsCloud, subnet: str) -> bool:
    """Return whether connections out of a subnet have a route through a gateway, in or beside the subnet's table."""
    association = cloud.find(ASSOCIATION, subnetId=subnet)
    table = cloud.get(TABLE, association["routeTableId"]) if association else None
    if table is None:
        return False
    beside = [route.outputs for route in cloud.resources(ROUTE) if route["routeTableId"] == table.id]
    routes = [*(table.outputs.get("routes") or []), *beside]
    return any(cloud.get(GATEWAY, route["gatewayId"]) is not None for route in routes)
