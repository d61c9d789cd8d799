"""A nodes.yaml that uses every feature that decides which types of resources there are."""

from __future__ import annotations

# All that makes a difference in which types there are: a schedule, a local build, machines of another kind, a second
# account, a node that is switched off.
NODES = """
defaults: {{cloud: {cloud}, source: m}}
nodes:
  alpha: {{model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01, schedule: "0 13 * * 2-6", enabled: false}}
  beta: {{model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02, build: {{docker: true}}, account: fund, register: false}}
  gamma: {{model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c03, {large}}}
"""
LARGE = {"aws": "disk: 300GiB", "gcp": "size: gen-xl", "azure": "size: mem-xl"}
