"""List prices of Azure; `providers.prices` says what they cover and when they were looked up."""

from __future__ import annotations

from providers.prices import DAYS, Prices

PRICES = Prices(
    vcpu_second=0.000024,
    gib_second=0.000003,
    disk_gib_second=0.0,
    run_second=0.0,
    least_seconds=0,
    free_disk=0,
    key_month=0.0,
    schedule_month=0.0,
    cluster_month=0.1666 * DAYS,  # the registry (Basic)
    machines_month=0.10 * 24 * DAYS,  # Dedicated Plan Management
    source="azure.microsoft.com/pricing/details/container-apps, /container-registry",
)
