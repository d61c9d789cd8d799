"""List prices of Azure; `providers.prices` says what they cover and when they were looked up."""

from __future__ import annotations

from providers.prices import DAYS, Prices

PRICES = Prices(
    vcpu_second=0.000024,
    gib_second=0.000003,
    email_month=0.50,  # a log search alert rule that is evaluated every 15 minutes
    cluster_month=0.1666 * DAYS,  # the registry (Basic)
    machines_month=0.10 * 24 * DAYS,  # Dedicated Plan Management
    source="azure.microsoft.com/pricing/details/container-apps, /container-registry, /monitor",
    machines={"T4": 0.000073},  # the GPU
)
