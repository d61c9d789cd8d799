"""The clouds' list prices that a node's bill is made of, in USD, with the day on which they were looked up.

Prices are those of the cloud's default region here (us-east-1, us-central1, eastus); others cost up to a third more.
Free tiers are left out, so small use costs less than what is said. Sources are the clouds' public pages: AWS Fargate,
VPC (public IPv4), Secrets Manager; Cloud Run (jobs), Secret Manager, Cloud Scheduler; Container Apps (consumption),
Container Registry (Basic). Azure's pages fill in their figures by script, so those were read where others quote them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

AS_OF = date(2026, 11, 23)
HOUR, DAYS = 3600.0, 365 / 12


@dataclass(frozen=True)
class Prices:
    """One cloud's. Per second of a run: each vCPU, each GiB of memory, each GiB of disk beyond the free ones, and the
    run itself; per month: each key of an account, each schedule, the cluster of a region, and each environment that has
    machines of its own, whether they run or not."""

    vcpu_second: float
    gib_second: float
    disk_gib_second: float
    run_second: float
    least_seconds: int
    free_disk: int
    key_month: float
    schedule_month: float
    cluster_month: float
    machines_month: float
    source: str
