"""The smallest program with a cloud's SDK: one resource on the cloud that bare.txt names."""

import importlib
from pathlib import Path

RESOURCES = {
    "aws": ("pulumi_aws.s3", "Bucket", {}),
    "gcp": ("pulumi_gcp.storage", "Bucket", {"location": "US"}),
    "azure": ("pulumi_azure_native.resources", "ResourceGroup", {}),
}
module, name, inputs = RESOURCES[Path("bare.txt").read_text(encoding="utf-8")]
getattr(importlib.import_module(module), name)("bare", **inputs)
