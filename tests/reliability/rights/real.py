"""Rights that only a real cloud needs, with their sources: the sandbox has nothing that would use them."""

from __future__ import annotations

ON_A_REAL_CLOUD = {
    "build: ecr:GetDownloadUrlForLayer": (
        "A build reads the layers of the node's previous image as its cache (`--cache-from` in "
        "providers/aws/buildspec.py); without the right, it takes longer: "
        "docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html"
    ),
    "host-events: 0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": (
        "The Functions host keeps its diagnostic events in a table (Storage Table Data Contributor): "
        'learn.microsoft.com/azure/azure-functions/functions-reference, "Connecting to host storage with an identity"'
    ),
}
"""Part of a right's text -> what needs it, with a source.

Machines for large nodes on AWS, which the stack of the test does not have, hold AmazonEC2ContainerServiceforEC2Role, a
policy of AWS: docs.aws.amazon.com/batch/latest/userguide/instance_IAM_role.html.
"""


def find_reason(right: str) -> str:
    """Return why a right is needed although the sandbox does not check it, or nothing."""
    return next((reason for part, reason in ON_A_REAL_CLOUD.items() if part in right), "")
