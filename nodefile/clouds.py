"""The clouds that nodes.yaml may name. Their implementations are in providers/<name>/."""

from __future__ import annotations

REGIONS = {"aws": "us-east-1", "gcp": "us-central1", "azure": "eastus"}
"""Cloud -> default region of its nodes, in the order in which clouds are listed."""
