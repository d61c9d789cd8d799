"""List prices of Google Cloud; `providers.prices` says what they cover and when they were looked up."""

from __future__ import annotations

from providers.prices import Prices

PRICES = Prices(
    vcpu_second=0.000018,
    gib_second=0.000002,
    least_seconds=60,  # a job's instances are billed for at least a minute
    key_month=0.06,
    secret_month=0.06,
    address_month=0.06,
    email_month=0.10,  # the condition of an alert policy
    schedule_month=0.10,
    source="cloud.google.com/run/pricing, /secret-manager/pricing, /scheduler/pricing, /stackdriver/pricing",
)
