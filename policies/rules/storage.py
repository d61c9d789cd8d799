"""Requires encryption of storage at rest and in transit, and rejects public buckets.

Storage that is always encrypted (S3, ECR, logs and secrets on AWS, all storage on Google Cloud, Azure Storage) is only
checked for parts of the encryption that can be disabled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies.resource import UNKNOWN, Context, Resource, as_list
from policies.rules.aws_roles import parse_statements

_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_BUCKETS = {"aws:s3:Bucket", "aws:s3:BucketV2"}
# Resource policies that can make their resource public -> the property with the document.
_POLICIES = {
    "aws:s3:BucketPolicy": "policy",
    "aws:ecr:RepositoryPolicy": "policy",
    "aws:secretsmanager:SecretPolicy": "policy",
    "aws:sqs:QueuePolicy": "policy",
}
_TRUE = (True, "true")
_TLS = ("TLS1_2", "TLS1_3", "1.2", "1.3")


def encrypted_storage(resource: Resource, _context: Context) -> Iterator[str]:
    """Check disks, file systems, storage accounts and web apps."""
    kind = resource.kind
    if kind in ("aws:ebs:Volume", "aws:efs:FileSystem"):
        if resource.get("encrypted") not in (*_TRUE, UNKNOWN):
            yield "it is not encrypted: set encrypted to true."
    elif kind in ("aws:ec2:LaunchTemplate", "aws:ec2:Instance"):
        for disk in _list_disks(resource):
            if disk.get("encrypted") not in (*_TRUE, UNKNOWN):
                yield "one of its disks is not encrypted: set encrypted to true."
    elif kind == "azure-native:storage:StorageAccount":
        if resource.get("enableHttpsTrafficOnly") is False:
            yield "it accepts requests without TLS: set enableHttpsTrafficOnly to true."
        if resource.get("minimumTlsVersion") not in (*_TLS, UNKNOWN):
            yield 'it accepts old versions of TLS: set minimumTlsVersion to "TLS1_2".'
        for service in ("blob", "file"):
            if resource.get(f"encryption.services.{service}.enabled") is False:
                yield f"its {service} service is not encrypted."
    elif kind in ("azure-native:web:WebApp", "azure-native:web:WebAppSlot"):
        if resource.get("httpsOnly") not in (True, UNKNOWN):
            yield "it accepts requests without TLS: set httpsOnly to true."
        if resource.get("siteConfig.minTlsVersion") not in (*_TLS, UNKNOWN):
            yield 'it accepts old versions of TLS: set siteConfig.minTlsVersion to "1.2".'


def no_public_bucket(resource: Resource, _context: Context) -> Iterator[str]:
    """Check the settings of each bucket."""
    kind = resource.kind
    if kind == "aws:s3:BucketPublicAccessBlock":
        missing = [name for name in _BLOCKS if resource.get(name) not in (True, UNKNOWN)]
        if missing:
            yield f"{', '.join(missing)} must be true."
    elif kind in _BUCKETS or kind == "aws:s3:BucketAcl":
        acl = resource.get("acl")
        if isinstance(acl, str) and acl not in ("private", "log-delivery-write", "bucket-owner-full-control"):
            yield f"its access control list is {acl}: set it to private."
    elif kind in _POLICIES:
        if any(map(_allows_everyone, parse_statements(resource.get(_POLICIES[kind])))):
            yield "its policy allows access to everyone (Principal *): name the principals."
    elif kind == "gcp:storage:Bucket":
        if resource.get("uniformBucketLevelAccess") not in (True, UNKNOWN):
            yield "its objects can be made public: set uniformBucketLevelAccess to true."
        if resource.get("publicAccessPrevention") not in ("enforced", UNKNOWN):
            yield 'it can be made public: set publicAccessPrevention to "enforced".'
    elif kind == "azure-native:storage:StorageAccount":
        if resource.get("allowBlobPublicAccess") not in (False, UNKNOWN):
            yield "its containers can be made public: set allowBlobPublicAccess to false."
        if resource.get("allowSharedKeyAccess") not in (False, UNKNOWN):
            yield "its shared keys give full access: set allowSharedKeyAccess to false."
    elif kind == "azure-native:storage:BlobContainer" and resource.get("publicAccess") not in ("None", None, UNKNOWN):
        yield f"it is public: publicAccess is {resource.get('publicAccess')}."


def every_bucket_blocked(resources: Sequence[Resource], _context: Context) -> Iterator[tuple[str, str]]:
    """Check that each S3 bucket has a public access block. Yields each sentence with the bucket's URN."""
    blocked: set[str] = set()
    for resource in resources:
        if resource.kind == "aws:s3:BucketPublicAccessBlock":
            blocked |= resource.dependencies.get("bucket", frozenset())
    for resource in resources:
        if resource.kind in _BUCKETS and resource.urn not in blocked:
            yield (
                f"the bucket {resource.name} has no BucketPublicAccessBlock: add one with all four settings.",
                resource.urn,
            )


def _list_disks(resource: Resource) -> list[Mapping[str, Any]]:
    if resource.kind == "aws:ec2:LaunchTemplate":
        devices = [device for device in as_list(resource.get("blockDeviceMappings")) if isinstance(device, Mapping)]
        return [device["ebs"] for device in devices if isinstance(device.get("ebs"), Mapping)]
    disks = [*as_list(resource.get("rootBlockDevice")), *as_list(resource.get("ebsBlockDevices"))]
    return [disk for disk in disks if isinstance(disk, Mapping)]


def _allows_everyone(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    groups = principal.values() if isinstance(principal, Mapping) else [principal]
    return statement.get("Effect") == "Allow" and any("*" in as_list(names) for names in groups)
