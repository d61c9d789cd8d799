"""List prices of Google Cloud; `providers.prices` says what they cover and when they were looked up."""

from __future__ import annotations

from providers.prices import Prices

PRICES = Prices(
    vcpu_second=0.000018,
    gib_second=0.000002,
    disk_gib_second=0.0,
    run_second=0.0,
    least_seconds=60,  # a job's instances are billed for at least a minute
    free_disk=0,
    key_month=0.06,
    schedule_month=0.10,
    cluster_month=0.0,
    machines_month=0.0,
    source="cloud.google.com/run/pricing, /secret-manager/pricing, /scheduler/pricing",
)
