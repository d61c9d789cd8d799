"""The clouds that nodes.yaml may name. What each of them can do is in providers/<name>/."""

from __future__ import annotations

REGIONS = {"aws": "us-east-1", "gcp": "us-central1", "azure": "eastus"}
"""Cloud -> the region of a node that names none, in the order in which clouds are listed."""
