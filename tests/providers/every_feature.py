"""A nodes.yaml with every feature that changes which types of resources are registered."""

from __future__ import annotations

# A schedule, a local build, a dedicated machine, a second account, a disabled node, a secret and alerts.
NODES = """
defaults: {{cloud: {cloud}, source: m}}
nodes:
  alpha: {{model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01, schedule: "0 13 * * 2-6", enabled: false,
          alerts: {{webhook: alert-webhook, email: me@example.com, heartbeat: alert-heartbeat}}}}
  beta: {{model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02, build: {{docker: true}}, account: fund, register: false}}
  gamma: {{model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c03, secrets: [VENDOR_TOKEN], {large}}}
"""
LARGE = {"aws": "disk: 300GiB", "gcp": "size: gen-xl", "azure": "size: mem-xl"}
