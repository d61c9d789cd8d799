"""The list prices that make up a node's bill, in USD, with the day on which they were looked up.

They apply to the default region of each cloud (us-east-1, us-central1, eastus); other regions cost up to a third more.
Free tiers are left out, so light use costs less than the estimates. The sources are the clouds' public pages: AWS
Fargate, VPC (public IPv4), Secrets Manager; Cloud Run (jobs), Secret Manager, Cloud Scheduler; Container Apps
(consumption), Container Registry (Basic). Azure's pages insert their figures by script, so these come from pages that
quote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

AS_OF = date(2026, 11, 23)
HOUR, DAYS = 3600.0, 365 / 12


@dataclass(frozen=True, kw_only=True)
class Prices:
    """The prices of one cloud.

    Per second of a run: one vCPU, one GiB of memory, one GiB of disk beyond `free_disk`, and the run itself. Per month:
    one key of an account, one of the nodes' own secrets or all of an account's together, all addresses of a region's
    alerts together, each of them, each e-mail address, one schedule, a region's cluster, and an environment with
    dedicated machines, even if none of them runs. `machines` are types of machines (`Fit.machine`) that cost nothing
    while idle, with what they cost per second of a run in addition to vCPU and memory.
    """

    vcpu_second: float
    gib_second: float
    disk_gib_second: float = 0.0
    run_second: float = 0.0
    least_seconds: int = 0
    free_disk: int = 0
    key_month: float = 0.0
    secret_month: float = 0.0
    account_secrets_month: float = 0.0
    addresses_month: float = 0.0
    address_month: float = 0.0
    email_month: float = 0.0
    schedule_month: float = 0.0
    cluster_month: float = 0.0
    machines_month: float = 0.0
    source: str
    machines: Mapping[str, float] = field(default_factory=dict)
