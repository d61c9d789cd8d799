"""Storage accounts that only roles give access to: an account key would give access to all of their containers."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_azure_native import resources, storage


def create_account(
    name: str,
    group: resources.ResourceGroup,
    location: pulumi.Input[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> storage.StorageAccount:
    """Create a storage account without keys and without public blobs."""
    return storage.StorageAccount(
        name,
        resource_group_name=group.name,
        location=location,
        kind="StorageV2",
        sku=storage.SkuArgs(name="Standard_LRS"),
        allow_shared_key_access=False,
        allow_blob_public_access=False,
        minimum_tls_version="TLS1_2",
        enable_https_traffic_only=True,
        tags=tags,
        opts=opts,
    )
