"""The clouds' list prices that a node's bill is made of, in USD, with the day on which they were looked up.

Prices are those of the cloud's default region here (us-east-1, us-central1, eastus); others cost up to a third more.
Free tiers are left out, so small use costs less than what is said. Sources are the clouds' public pages: AWS Fargate,
VPC (public IPv4), Secrets Manager; Cloud Run (jobs), Secret Manager, Cloud Scheduler; Container Apps (consumption),
Container Registry (Basic). Azure's pages fill in their figures by script, so those were read where others quote them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from nodefile import Cloud

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


PRICES: dict[Cloud, Prices] = {
    Cloud.AWS: Prices(
        vcpu_second=0.04048 / HOUR,
        gib_second=0.004445 / HOUR,
        disk_gib_second=0.000111 / HOUR,
        run_second=0.005 / HOUR,  # the public address, for as long as it is there
        least_seconds=60,
        free_disk=20,
        key_month=0.40,
        schedule_month=0.0,
        cluster_month=0.0,
        machines_month=0.0,
        source="aws.amazon.com/fargate/pricing, /vpc/pricing, /secrets-manager/pricing",
    ),
    Cloud.GCP: Prices(
        vcpu_second=0.000018,
        gib_second=0.000002,
        disk_gib_second=0.0,
        run_second=0.0,
        least_seconds=60,  # a job's instances are billed for a minute at least
        free_disk=0,
        key_month=0.06,
        schedule_month=0.10,
        cluster_month=0.0,
        machines_month=0.0,
        source="cloud.google.com/run/pricing, /secret-manager/pricing, /scheduler/pricing",
    ),
    Cloud.AZURE: Prices(
        vcpu_second=0.000024,
        gib_second=0.000003,
        disk_gib_second=0.0,
        run_second=0.0,
        least_seconds=0,
        free_disk=0,
        key_month=0.0,
        schedule_month=0.0,
        cluster_month=0.1666 * DAYS,  # the registry, which has no free tier
        machines_month=0.10 * 24 * DAYS,  # Dedicated Plan Management
        source="azure.microsoft.com/pricing/details/container-apps, /container-registry",
    ),
}
