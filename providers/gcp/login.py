"""The deploying identity's login to Artifact Registry, for images that are built on the user's machine."""

from __future__ import annotations

from providers.gcp.cluster import Cluster
from providers.images.local_build import Login, at_up


def create_login(cluster: Cluster) -> Login:
    """Return a login whose password is the access token, which is valid for an hour."""
    return Login("oauth2accesstoken", at_up(lambda: cluster.token))
