"""The deployer's login to Artifact Registry, for images that are built on the user's machine."""

from __future__ import annotations

from providers.gcp.cluster import Cluster
from providers.images.local_build import Login, at_up


def login(cluster: Cluster) -> Login:
    """Artifact Registry takes an access token as the password of this user: good for an hour."""
    return Login("oauth2accesstoken", at_up(lambda: cluster.token))
