"""Azure Monitor's action groups, and rules that search the log of an app, which are evaluated on demand.

The sandbox does not wait for a rule's frequency. It knows the one form of query that the product writes.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from sandbox import inbox
from sandbox.azure.handlers import ArmHandler
from sandbox.cloud import CloudError, Resource

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

GROUP = "azure-native:monitor:ActionGroup"
RULE = "azure-native:monitor:ScheduledQueryRule"
_QUERY = re.compile(
    r"AppTraces \| where AppRoleName =~ '(?P<site>[^']+)' \| where ingestion_time\(\) > ago\((?P<minutes>\d+)m\) "
    r"\| extend Line = parse_json\(Message\) \| where tostring\(Line\.email\) == '(?P<email>[^']+)' "
    r"\| project TimeGenerated, Subject = tostring\(Line\.subject\), Text = tostring\(Line\.text\)"
)


class ActionGroup(ArmHandler):
    """Action groups, which exist worldwide."""

    kind = "Microsoft.Insights/actionGroups"

    def create(self, resource: Resource) -> None:
        if len(resource.inputs["groupShortName"]) > 12:
            raise CloudError('Code="BadRequest": groupShortName has more than 12 characters')
        super().create(resource)


class Rule(ArmHandler):
    """Log search rules."""

    kind = "Microsoft.Insights/scheduledQueryRules"

    def create(self, resource: Resource) -> None:
        (criterion,) = resource.inputs["criteria"]["allOf"]
        match = _QUERY.fullmatch(criterion["query"])
        if match is None:
            raise CloudError(f'Code="BadRequest": the sandbox does not know the query {criterion["query"]}')
        if resource.inputs["evaluationFrequency"] != f"PT{match['minutes']}M":
            raise CloudError('Code="BadRequest": lines would be lost or told twice')
        for group in resource.inputs["actions"]["actionGroups"]:
            if self.cloud.get(GROUP, group) is None:
                raise CloudError(f'Code="ActionGroupNotFound": {group}')
        super().create(resource)


def send_emails(cloud: AzureCloud) -> None:
    """Send the e-mails of the lines that have been logged since the last time."""
    for rule in cloud.resources(RULE):
        match = _QUERY.fullmatch(rule.inputs["criteria"]["allOf"][0]["query"])
        assert match
        for number, text in enumerate(cloud.kernel.functions.logs(f"azure/{match['site']}").splitlines()):
            line = _read(text)
            if line.get("email") != match["email"]:
                continue
            for id_ in rule.inputs["actions"]["actionGroups"]:
                group = cloud.get(GROUP, id_)
                for receiver in group.inputs["emailReceivers"] if group else []:
                    more = {"subject": line["subject"], "text": line["text"]}
                    key = f"{match['site']} {number} {id_}"
                    inbox.deliver(cloud.kernel.store, "email", receiver["emailAddress"], key, cloud="azure", **more)


def _read(text: str) -> dict[str, str]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
