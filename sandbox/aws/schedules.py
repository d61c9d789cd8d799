"""EventBridge Scheduler: groups, schedules, and a clock that starts them with the permissions of their role."""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from sandbox.aws.functions import FUNCTION, invoke
from sandbox.aws.handlers import AwsHandler
from sandbox.clock import Clock
from sandbox.cloud import CloudError, Resource

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

GROUP = "aws:scheduler/scheduleGroup:ScheduleGroup"
SCHEDULE = "aws:scheduler/schedule:Schedule"
SERVICE = "scheduler.amazonaws.com"
_LOG = logging.getLogger(__name__)
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199))


class ScheduleGroup(AwsHandler):
    """Groups."""

    service, arn, limit = "scheduler", "schedule-group/{id}", r"[\w.-]{1,64}"

    def add_computed(self, resource: Resource) -> None:
        resource.outputs["state"] = "ACTIVE"


class Schedule(AwsHandler):
    """Schedules."""

    service, arn, limit = "scheduler", "schedule/{id}", r"[\w.-]{1,64}(/[\w.-]{1,64})?"

    def create(self, resource: Resource) -> None:
        group = self.cloud.require(GROUP, resource.inputs.get("groupName", "default"))
        super().create(resource)
        resource.id = f"{group.id}/{resource.inputs['name']}"
        self.complete_outputs(resource)

    def add_computed(self, resource: Resource) -> None:
        inputs = resource.inputs
        group = self.cloud.require(GROUP, inputs["groupName"])
        context = {"aws:SourceAccount": self.cloud.account, "aws:SourceArn": group["arn"]}
        self.cloud.access.must_trust(inputs["target"]["roleArn"], SERVICE, context)
        fields(inputs["scheduleExpression"])
        zone = inputs.get("scheduleExpressionTimezone", "UTC")
        if zone not in available_timezones():
            raise CloudError(f"ValidationException: Invalid ScheduleExpressionTimezone {zone}.")
        resource.outputs.setdefault("state", "ENABLED")


def fields(expression: str) -> list[frozenset[int] | None]:
    """Return the minutes, hours, days, months, weekdays (1 is Sunday) and years; None for `?`. Raises CloudError."""
    match = re.fullmatch(r"cron\((.+)\)", expression)
    parts = match[1].split() if match else []
    if len(parts) != 6 or (parts[2] == "?") == (parts[4] == "?") or len(expression) > 256:
        raise CloudError(f"ValidationException: Invalid Schedule Expression {expression}.")
    try:
        return [_values(part, low, high) for part, (low, high) in zip(parts, _RANGES, strict=True)]
    except ValueError as error:
        raise CloudError(f"ValidationException: Invalid Schedule Expression {expression}.") from error


def _values(part: str, low: int, high: int) -> frozenset[int] | None:
    if part == "?":
        return None
    values: set[int] = set()
    for name, number in zip(_WEEKDAYS, range(1, 8), strict=True):
        part = part.replace(name, str(number))
    for piece in part.split(","):
        span, _, step = piece.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        begin, end = int(first), int(last or (high if step else first))
        if not low <= begin <= end <= high:
            raise ValueError(piece)
        values |= set(range(begin, end + 1, int(step or 1)))
    return frozenset(values)


def due(expression: str, moment: datetime) -> bool:
    """Return whether an expression matches the minute of a moment in its own time zone."""
    weekday = moment.isoweekday() % 7 + 1
    now = (moment.minute, moment.hour, moment.day, moment.month, weekday, moment.year)
    return all(values is None or value in values for value, values in zip(now, fields(expression), strict=True))


class Schedules(Clock):
    """Starts the schedules that are due, each minute while the daemon runs."""

    def __init__(self, cloud: AwsCloud) -> None:
        super().__init__("aws-schedules")
        self._cloud = cloud

    def tick(self, minute: datetime) -> None:
        """Start the schedules that are due in this minute (UTC)."""
        for schedule in self._cloud.resources(SCHEDULE):
            zone = ZoneInfo(schedule.outputs.get("scheduleExpressionTimezone", "UTC"))
            if schedule["state"] == "ENABLED" and due(schedule["scheduleExpression"], minute.astimezone(zone)):
                self.fire(schedule, minute)

    def fire(self, schedule: Resource, minute: datetime) -> str:
        """Call a schedule's target now as if at `minute`; return the failure, or an empty string."""
        target, cloud = schedule["target"], self._cloud
        group = cloud.get(GROUP, schedule["groupName"])
        context = {"aws:SourceAccount": cloud.account, "aws:SourceArn": group["arn"] if group else ""}
        role = cloud.access.assumable(target["roleArn"], SERVICE, context)
        function = cloud.find(FUNCTION, arn=target["arn"])
        if role is None or function is None:
            return self._log_failure(schedule, "its role cannot be assumed, or its function is gone")
        if not cloud.access.is_allowed(role.id, "lambda:InvokeFunction", function["arn"]):
            return self._log_failure(schedule, f"{role.id} may not call {function['arn']}")
        when = minute.strftime("%Y-%m-%dT%H:%M:%SZ")
        event = json.loads(target["input"].replace("<aws.scheduler.scheduled-time>", when))
        result, failed = invoke(cloud, function, event)
        return self._log_failure(schedule, str(result)) if failed else ""

    def _log_failure(self, schedule: Resource, why: str) -> str:
        _LOG.warning("the schedule %s did not run: %s", schedule.id, why)
        return why
