"""Storage is encrypted at rest and in transit, and never public."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.resource import UNKNOWN, Context, Resource
from policies.rules.storage import every_bucket_blocked
from tests.policies.single_rule import make_resource, run_rule

ACCOUNT = {
    "allowBlobPublicAccess": False,
    "allowSharedKeyAccess": False,
    "minimumTlsVersion": "TLS1_2",
    "enableHttpsTrafficOnly": True,
}
SITE = {"httpsOnly": True, "siteConfig": {"minTlsVersion": "1.2"}}
BLOCK = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
GCS = {"uniformBucketLevelAccess": True, "publicAccessPrevention": "enforced"}
TYPES = {
    "account": "azure-native:storage:StorageAccount",
    "site": "azure-native:web:WebApp",
    "block": "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "gcs": "gcp:storage/bucket:Bucket",
    "s3": "aws:s3/bucket:Bucket",
    "container": "azure-native:storage:BlobContainer",
    "template": "aws:ec2/launchTemplate:LaunchTemplate",
    "instance": "aws:ec2/instance:Instance",
    "volume": "aws:ebs/volume:Volume",
    "policy": "aws:s3/bucketPolicy:BucketPolicy",
}
EVERYONE = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": "s3:GetObject"}]}
DISK = [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}}]


@pytest.mark.parametrize(
    ("what", "good", "bad"),
    [
        ("account", ACCOUNT, {"minimumTlsVersion": "TLS1_0"}),
        ("account", ACCOUNT, {"minimumTlsVersion": None}),
        ("account", ACCOUNT, {"enableHttpsTrafficOnly": False}),
        ("account", ACCOUNT, {"encryption": {"services": {"blob": {"enabled": False}}}}),
        ("site", SITE, {"httpsOnly": False}),
        ("site", SITE, {"siteConfig": {}}),
        ("template", {"blockDeviceMappings": DISK}, {"blockDeviceMappings": [{"ebs": {"volumeSize": 30}}]}),
        ("instance", {"rootBlockDevice": {"encrypted": True}}, {"ebsBlockDevices": [{"encrypted": False}]}),
        ("volume", {"encrypted": True}, {"encrypted": None}),
    ],
)
def test_encrypted(what: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert run_rule("encrypted-storage", TYPES[what], good) == []
    assert len(run_rule("encrypted-storage", TYPES[what], {**good, **bad})) == 1
    assert run_rule("encrypted-storage", TYPES[what], dict.fromkeys(good, UNKNOWN)) == []


@pytest.mark.parametrize(
    ("what", "good", "bad"),
    [
        *(("block", BLOCK, {name: False}) for name in BLOCK),
        ("block", BLOCK, {"blockPublicAcls": None}),
        ("s3", {}, {"acl": "public-read"}),
        ("s3", {"acl": "private"}, {"acl": "authenticated-read"}),
        ("policy", {"policy": '{"Statement": []}'}, {"policy": json.dumps(EVERYONE)}),
        ("gcs", GCS, {"uniformBucketLevelAccess": False}),
        ("gcs", GCS, {"publicAccessPrevention": "inherited"}),
        ("gcs", GCS, {"publicAccessPrevention": None}),
        ("account", ACCOUNT, {"allowBlobPublicAccess": None}),
        ("account", ACCOUNT, {"allowSharedKeyAccess": True}),
        ("container", {"publicAccess": "None"}, {"publicAccess": "Blob"}),
    ],
)
def test_never_public(what: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert run_rule("no-public-bucket", TYPES[what], good) == []
    assert len(run_rule("no-public-bucket", TYPES[what], {**good, **bad})) == 1
    assert run_rule("no-public-bucket", TYPES[what], dict.fromkeys(good, UNKNOWN)) == []


def test_every_bucket_has_a_public_access_block() -> None:
    bucket = make_resource(TYPES["s3"], {}, name="claims")
    block = Resource(TYPES["block"], "claims", BLOCK, dependencies={"bucket": frozenset({bucket.urn})})
    assert list(every_bucket_blocked([bucket, block], Context())) == []
    other = make_resource(TYPES["s3"], {}, name="other")
    ((sentence, urn),) = every_bucket_blocked([bucket, block, other], Context())
    assert sentence.startswith("the bucket other has no BucketPublicAccessBlock")
    assert urn == other.urn
