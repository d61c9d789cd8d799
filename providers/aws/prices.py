"""List prices of AWS; `providers.prices` says what they cover and when they were looked up."""

from __future__ import annotations

from providers.prices import HOUR, Prices

PRICES = Prices(
    vcpu_second=0.04048 / HOUR,
    gib_second=0.004445 / HOUR,
    disk_gib_second=0.000111 / HOUR,
    run_second=0.005 / HOUR,  # the public address, billed while the run has it
    least_seconds=60,
    free_disk=20,
    key_month=0.40 / 2,  # an account's two keys are in one secret
    account_secrets_month=0.40,  # one secret too
    addresses_month=0.40,  # one secret
    source="aws.amazon.com/fargate/pricing, /vpc/pricing, /secrets-manager/pricing",
)
