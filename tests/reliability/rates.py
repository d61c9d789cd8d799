"""How often what fails, with the source of each figure: the fault model of the season.

A rate that a cloud has published is taken as it is, although an SLA promises less than its service usually does. Where
nothing is published, the figure is an assumption, and the table in docs/reliability.md says so.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, get_type_hints

S3 = "<https://aws.amazon.com/s3/sla/>"
GCS = "<https://cloud.google.com/storage/sla>"
AZURE_STORAGE = "<https://azure.microsoft.com/support/legal/sla/storage/>"
LAMBDA = "<https://aws.amazon.com/lambda/sla/>"
CLOUD_RUN = "<https://cloud.google.com/run/sla>"
WEBHOOKS = "<https://www.gethook.to/blog/why-webhooks-fail>"
OUTAGES = "<https://newsletter.pragmaticengineer.com/p/three-cloud-providers-three-outages>"
DURATIONS = "<https://www.cherryservers.com/blog/cloud-outages>"


@dataclass(frozen=True)
class About:
    """What a rate means, and where its figure is from. A rate that is not `scaled` is the same in every season."""

    text: str
    source: str
    unit: str = "of all"
    scaled: bool = True


@dataclass(frozen=True)
class Rates:
    """The shares and counts at the published level."""

    webhook_lost: Annotated[
        float, About("a webhook never comes", f"0.1-0.3 % of events are given up after retries: {WEBHOOKS}")
    ] = 0.003
    webhook_late: Annotated[
        float,
        About("a webhook comes late, by a quarter of an hour on average", f"3-6 % fail at first: {WEBHOOKS}"),
    ] = 0.03
    webhook_twice: Annotated[
        float, About("a webhook comes twice, within seconds or within minutes", "assumption: senders give no figure")
    ] = 0.01
    store_error: Annotated[
        float,
        About("a call of the object storage fails", f"99.9 %: {S3}, {GCS}, {AZURE_STORAGE}", "of calls"),
    ] = 0.001
    compute_error: Annotated[
        float,
        About(
            "a call of the compute service fails", f"99.95 %: {CLOUD_RUN}, Container Apps; Batch has none", "of calls"
        ),
    ] = 0.0005
    secrets_error: Annotated[
        float, About("a call of the secret store fails", "99.9 %: the SLA of AWS Secrets Manager", "of calls")
    ] = 0.001
    function_error: Annotated[
        float,
        About(
            "a call of the function is not carried out, or the function dies between any two steps",
            f"99.95 %: {LAMBDA}, {CLOUD_RUN}, Azure Functions",
            "of calls, each",
        ),
    ] = 0.0005
    pass_twice: Annotated[
        float, About("a scheduler calls twice", "assumption: EventBridge Scheduler promises at least one call")
    ] = 0.001
    job_no_start: Annotated[
        float, About("a job is accepted and never starts", f"99.95 %: {CLOUD_RUN}, Container Apps (Fargate: 99.99 %)")
    ] = 0.0005
    job_lost: Annotated[
        float, About("a job's machine is lost while it runs", "assumption: as often as a job does not start")
    ] = 0.0005
    job_hangs: Annotated[float, About("a job hangs until its time limit", "assumption")] = 0.0005
    job_slow: Annotated[float, About("a job takes 1.75 times as long as usual", "assumption")] = 0.005
    job_crashes: Annotated[
        float, About("the model itself fails", "assumption; no failure of a cloud, so it stays the same", scaled=False)
    ] = 0.002
    outages: Annotated[
        float,
        About(
            "a region is down for hours: all of it, its storage or its compute",
            f"one of each cloud in 2023: {OUTAGES}",
            "per region and year",
        ),
    ] = 1.0
    outage_hours: Annotated[
        float,
        About(
            "the median length of a region's outage, in hours",
            f"means of 1.5, 5.8 and 14.6: {DURATIONS}",
            "hours",
            scaled=False,
        ),
    ] = 4.0
    numerai_error: Annotated[
        float, About("Numerai answers a question with an error, nonsense or not at all", "assumption", "of calls")
    ] = 0.002
    numerai_outages: Annotated[
        float, About("Numerai's API is down, for half an hour in the median", "assumption", "per year")
    ] = 6.0
    list_lag: Annotated[
        float, About("the mean time until a new job is in the cloud's list", "assumption", "seconds")
    ] = 1.0
    skew: Annotated[
        float,
        About(
            "how far a function's clock is off at most", "assumption: the clouds' time services are better", "seconds"
        ),
    ] = 0.1

    def scale(self, times: float) -> Rates:
        """Return these rates multiplied; shares end at a half."""
        changed = {}
        for name, about in describe().items():
            value = getattr(self, name)
            if about.scaled:
                changed[name] = value * times if value >= 1 or about.unit == "seconds" else min(0.5, value * times)
        return Rates(**{**{field.name: getattr(self, field.name) for field in fields(self)}, **changed})


def describe() -> dict[str, About]:
    """Return what each rate means, by its name."""
    hints = get_type_hints(Rates, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(Rates)}


OUTCOMES = (("503", 0.4), ("429", 0.2), ("500 with effect", 0.15), ("lost with effect", 0.15), ("lost", 0.1))
"""What a failed call of a cloud looks like, and in which share: an assumption. "lost": no answer comes in time."""
BURSTS = 0.5
"""Half of the failed calls come in bursts of minutes, in which every second call fails: an assumption."""
NONE = Rates(**dict.fromkeys(describe(), 0.0))
"""Nothing fails."""


def format_rate(name: str) -> str:
    """Return the published level of a rate as text."""
    value, unit = getattr(Rates(), name), describe()[name].unit
    return f"{value * 100:g} %" if unit.startswith("of") else f"{value:g}"
