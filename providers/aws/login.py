"""The deploying identity's login to ECR, for images that are built on the user's machine."""

from __future__ import annotations

import pulumi_aws as aws

from providers.aws.cluster import Cluster
from providers.images.local_build import Login, at_up


def create_login(cluster: Cluster) -> Login:
    """Return a login whose password is valid for twelve hours and for all repositories of the region."""
    return Login("AWS", at_up(lambda: aws.ecr.get_authorization_token_output(region=cluster.region).password))
