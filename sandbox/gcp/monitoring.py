"""Cloud Monitoring: e-mail channels, and alert policies that match log lines, which are evaluated on demand."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from sandbox import inbox
from sandbox.cloud import CloudError, Resource
from sandbox.gcp.handlers import GcpHandler

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

CHANNEL = "gcp:monitoring/notificationChannel:NotificationChannel"
POLICY = "gcp:monitoring/alertPolicy:AlertPolicy"


class Channel(GcpHandler):
    """Notification channels; only e-mail is known."""

    service = "monitoring"

    def create(self, resource: Resource) -> None:
        self.require_enabled()
        if resource.inputs["type"] != "email" or set(resource.inputs.get("labels") or {}) != {"email_address"}:
            raise CloudError("googleapi: Error 400: the labels do not match the type's descriptor, badRequest")
        resource.id = f"projects/{self.cloud.project}/notificationChannels/{secrets.randbits(60)}"
        resource.outputs |= {"name": resource.id, "project": self.cloud.project, "verificationStatus": ""}


class Policy(GcpHandler):
    """Alert policies with one condition on log lines."""

    service = "monitoring"

    def create(self, resource: Resource) -> None:
        self.require_enabled()
        for condition in resource.inputs["conditions"]:
            if "conditionMatchedLog" not in condition:
                raise CloudError("googleapi: Error 400: the sandbox knows conditions on log lines only, badRequest")
        if not (resource.inputs.get("alertStrategy") or {}).get("notificationRateLimit"):
            raise CloudError("googleapi: Error 400: log-match conditions need a notification rate limit, badRequest")
        for channel in resource.inputs.get("notificationChannels") or []:
            if self.cloud.get(CHANNEL, channel) is None:
                raise CloudError(f"googleapi: Error 404: {channel} was not found, notFound")
        resource.id = f"projects/{self.cloud.project}/alertPolicies/{secrets.randbits(60)}"
        resource.outputs |= {"name": resource.id, "project": self.cloud.project}


def send_emails(cloud: GcpCloud) -> None:
    """Send the e-mails of the lines that have been logged since the last time."""
    for policy in cloud.resources(POLICY):
        condition = policy.inputs["conditions"][0]["conditionMatchedLog"]
        for entry in cloud.logging.find(condition["filter"]):
            labels = {name: _extract(entry, rule) for name, rule in condition.get("labelExtractors", {}).items()}
            texts = policy.inputs["documentation"]
            subject, text = (_fill(texts[part], labels) for part in ("subject", "content"))
            for channel in policy.inputs["notificationChannels"]:
                to = cloud.resources(CHANNEL) and cloud.get(CHANNEL, channel)
                if to:
                    address, key = to.inputs["labels"]["email_address"], f"{entry['insertId']} {channel}"
                    inbox.deliver(cloud.kernel.store, "email", address, key, cloud="gcp", subject=subject, text=text)


def _extract(entry: dict[str, Any], rule: str) -> str:
    """Return the value of EXTRACT(jsonPayload.NAME)."""
    match = re.fullmatch(r"EXTRACT\(jsonPayload\.(\w+)\)", rule)
    return str(entry["jsonPayload"].get(match[1], "")) if match else ""


def _fill(template: str, labels: dict[str, str]) -> str:
    return re.sub(r"\$\{log\.extracted_label\.(\w+)\}", lambda match: labels.get(match[1], ""), template)
