"""Storage is encrypted, on the disk and on the way, and no bucket is open to the public.

What is always encrypted (S3, ECR, logs and secrets of AWS, everything of Google Cloud's, Azure Storage) has nothing to
check but that nobody turns a part of it off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies.resource import UNKNOWN, Given, Resource, items
from policies.rules.aws_roles import statements

_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_BUCKETS = {"aws:s3:Bucket", "aws:s3:BucketV2"}
# Resource policies that can open what they belong to, with the property that holds the document.
_DOORS = {
    "aws:s3:BucketPolicy": "policy",
    "aws:ecr:RepositoryPolicy": "policy",
    "aws:secretsmanager:SecretPolicy": "policy",
    "aws:sqs:QueuePolicy": "policy",
}
_TRUE = (True, "true")
_TLS = ("TLS1_2", "TLS1_3", "1.2", "1.3")


def encrypted_storage(resource: Resource, _given: Given) -> Iterator[str]:
    """Disks, file systems, accounts."""
    kind = resource.kind
    if kind in ("aws:ebs:Volume", "aws:efs:FileSystem"):
        if resource.at("encrypted") not in (*_TRUE, UNKNOWN):
            yield "it is not encrypted: set encrypted to true."
    elif kind in ("aws:ec2:LaunchTemplate", "aws:ec2:Instance"):
        for disk in _disks(resource):
            if disk.get("encrypted") not in (*_TRUE, UNKNOWN):
                yield "one of its disks is not encrypted: set encrypted to true."
    elif kind == "azure-native:storage:StorageAccount":
        if resource.at("enableHttpsTrafficOnly") is False:
            yield "it answers without TLS: enableHttpsTrafficOnly is false."
        if resource.at("minimumTlsVersion") not in (*_TLS, UNKNOWN):
            yield 'it takes old versions of TLS: set minimumTlsVersion to "TLS1_2".'
        for service in ("blob", "file"):
            if resource.at(f"encryption.services.{service}.enabled") is False:
                yield f"its {service} service is not encrypted."
    elif kind in ("azure-native:web:WebApp", "azure-native:web:WebAppSlot"):
        if resource.at("httpsOnly") not in (True, UNKNOWN):
            yield "it answers without TLS: set httpsOnly to true."
        if resource.at("siteConfig.minTlsVersion") not in (*_TLS, UNKNOWN):
            yield 'it takes old versions of TLS: set siteConfig.minTlsVersion to "1.2".'


def no_public_bucket(resource: Resource, _given: Given) -> Iterator[str]:
    """Each bucket's own settings."""
    kind = resource.kind
    if kind == "aws:s3:BucketPublicAccessBlock":
        open_ = [name for name in _BLOCKS if resource.at(name) not in (True, UNKNOWN)]
        if open_:
            yield f"{', '.join(open_)} must be true."
    elif kind in _BUCKETS or kind == "aws:s3:BucketAcl":
        acl = resource.at("acl")
        if isinstance(acl, str) and acl not in ("private", "log-delivery-write", "bucket-owner-full-control"):
            yield f"its access control list is {acl}: leave it private."
    elif kind in _DOORS:
        if any(_anybody(each) for each in statements(resource.at(_DOORS[kind]))):
            yield "its policy lets everybody in (Principal *): name who may."
    elif kind == "gcp:storage:Bucket":
        if resource.at("uniformBucketLevelAccess") not in (True, UNKNOWN):
            yield "single objects can be made public: set uniformBucketLevelAccess to true."
        if resource.at("publicAccessPrevention") not in ("enforced", UNKNOWN):
            yield 'it can be made public: set publicAccessPrevention to "enforced".'
    elif kind == "azure-native:storage:StorageAccount":
        if resource.at("allowBlobPublicAccess") not in (False, UNKNOWN):
            yield "its containers can be made public: set allowBlobPublicAccess to false."
        if resource.at("allowSharedKeyAccess") not in (False, UNKNOWN):
            yield "whoever has its key has all of it: set allowSharedKeyAccess to false."
    elif kind == "azure-native:storage:BlobContainer" and resource.at("publicAccess") not in ("None", None, UNKNOWN):
        yield f"it is public: publicAccess is {resource.at('publicAccess')}."


def every_bucket_blocked(resources: Sequence[Resource], _given: Given) -> Iterator[tuple[str, str]]:
    """Each bucket of S3 has its public access block; the URN it is about comes with each sentence."""
    blocked: set[str] = set()
    for resource in resources:
        if resource.kind == "aws:s3:BucketPublicAccessBlock":
            blocked |= resource.refers.get("bucket", frozenset())
    for resource in resources:
        if resource.kind in _BUCKETS and resource.urn not in blocked:
            yield f"the bucket {resource.name} has no BucketPublicAccessBlock: add one with all four set.", resource.urn


def _disks(resource: Resource) -> list[Mapping[str, Any]]:
    if resource.kind == "aws:ec2:LaunchTemplate":
        mappings = [each for each in items(resource.at("blockDeviceMappings")) if isinstance(each, Mapping)]
        return [each["ebs"] for each in mappings if isinstance(each.get("ebs"), Mapping)]
    found = [*items(resource.at("rootBlockDevice")), *items(resource.at("ebsBlockDevices"))]
    return [each for each in found if isinstance(each, Mapping)]


def _anybody(statement: Mapping[str, Any]) -> bool:
    who = statement.get("Principal")
    named = [name for each in who.values() for name in items(each)] if isinstance(who, Mapping) else items(who)
    return statement.get("Effect") == "Allow" and "*" in named
