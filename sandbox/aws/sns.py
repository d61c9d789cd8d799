"""SNS: topics, subscriptions of e-mail addresses, and Publish. Subscriptions count as confirmed at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sandbox import inbox
from sandbox.aws.calls import Call, Refused, Reply, query_error, xml
from sandbox.aws.handlers import AwsHandler
from sandbox.cloud import CloudError, Resource

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"


class Topic(AwsHandler):
    """Topics, whose ids are their ARNs."""

    service, arn, limit = "sns", "{name}", r"[\w-]{1,256}"

    def create(self, resource: Resource) -> None:
        super().create(resource)
        resource.id = resource.outputs["arn"]

    def complete_outputs(self, resource: Resource) -> None:
        super().complete_outputs(resource)
        resource.outputs["owner"] = self.cloud.account


class Subscription(AwsHandler):
    """Subscriptions of e-mail addresses to topics."""

    named, refers = None, {"topic": TOPIC}

    def __init__(self, cloud: AwsCloud) -> None:
        super().__init__(cloud)
        self.replace_on = frozenset({"region", "topic", "protocol", "endpoint"})

    def create(self, resource: Resource) -> None:
        if resource.inputs["protocol"] != "email" or "@" not in resource.inputs["endpoint"]:
            raise CloudError("InvalidParameter: Invalid parameter: Email address")
        topic = self.cloud.require(TOPIC, resource.inputs["topic"])
        resource.id = f"{topic.id}:{resource.name}"
        resource.outputs |= {"arn": resource.id, "pendingConfirmation": True}
        resource.outputs["region"] = self.cloud.region(resource)

    def update(self, _old: Resource, resource: Resource) -> None:
        """Nothing of it can be changed here."""


def serve(cloud: AwsCloud, call: Call) -> Reply:
    """Answer Publish."""
    try:
        return _publish(cloud, call)
    except Refused as refused:
        return query_error(refused)


def _publish(cloud: AwsCloud, call: Call) -> Reply:
    caller = cloud.access.caller(call)
    request = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
    if (request.get("Action"), request.get("Version")) != ("Publish", "2010-03-31"):
        raise Refused(400, "InvalidAction", f"the sandbox has no {request.get('Action')}")
    topic = str(request.get("TopicArn"))
    cloud.access.demand(caller, "sns:Publish", topic)
    if cloud.get(TOPIC, topic) is None:
        raise Refused(404, "NotFound", "Topic does not exist")
    subject: Any = request.get("Subject", "")
    if not re.fullmatch(r"[!-~][ -~]{0,99}", subject):
        raise Refused(400, "InvalidParameter", "Invalid parameter: Subject")
    for subscription in cloud.resources(SUBSCRIPTION):
        if subscription.inputs["topic"] == topic:
            to = subscription.inputs["endpoint"]
            inbox.deliver(cloud.kernel.store, "email", to, cloud="aws", subject=subject, text=request["Message"])
    return xml(
        f'<PublishResponse xmlns="{_NAMESPACE}"><PublishResult><MessageId>sandbox</MessageId></PublishResult>'
        "</PublishResponse>"
    )
