"""The most resources of a cloud that a node, or a rescue, may have."""

from __future__ import annotations

NODE = {"aws": 4, "gcp": 4, "azure": 2}
