"""Lambda: functions, each of which runs its archive in its own process, function URLs and invocations."""

from __future__ import annotations

import base64
import json
import re
import secrets
import string
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from providers.aws.limits import LACKS
from sandbox.aws import iam, logs
from sandbox.aws.calls import Call, Refused, Reply, reply
from sandbox.aws.handlers import AwsHandler
from sandbox.aws.quotas import CONCURRENT_EXECUTIONS
from sandbox.cloud import CloudError, Resource
from sandbox.functions import FunctionFailed

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

FUNCTION = "aws:lambda/function:Function"
URL = "aws:lambda/functionUrl:FunctionUrl"
_HOST = re.compile(r"([a-z0-9]+)\.lambda-url\.[a-z0-9-]+\.on\.aws")
_RUNTIMES = {"python3.10", "python3.11", "python3.12", "python3.13", "python3.14"}


def key(function: str) -> str:
    """Return a function's key in the sandbox's functions."""
    return f"aws/{function}"


def owns_url(host: str) -> bool:
    """Return whether a host belongs to a function's URL."""
    return _HOST.fullmatch(host) is not None


class Function(AwsHandler):
    """Functions."""

    service, arn, limit = "lambda", "function:{name}", r"[\w-]{1,64}"
    regional = True

    def add_computed(self, resource: Resource) -> None:
        inputs, outputs = resource.inputs, resource.outputs
        self._validate(inputs)
        self.cloud.access.must_trust(inputs["role"], "lambda.amazonaws.com")
        outputs |= {
            "invokeArn": f"arn:aws:apigateway:{outputs['region']}:lambda:path/2015-03-31/functions/{outputs['arn']}",
            "lastModified": time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime()),
            "qualifiedArn": f"{outputs['arn']}:$LATEST",
            "version": "$LATEST",
        }
        self._deploy(resource)

    def unknown_outputs(self, old_inputs: dict[str, Any], inputs: dict[str, Any]) -> set[str]:
        return super().unknown_outputs(old_inputs, inputs) | {"lastModified"}

    def _validate(self, inputs: dict[str, Any]) -> None:
        if inputs.get("runtime") not in _RUNTIMES:
            raise CloudError(f"InvalidParameterValueException: the runtime {inputs.get('runtime')} is not supported")
        variables = (inputs.get("environment") or {}).get("variables") or {}
        reserved = [name for name in variables if name.startswith(("AWS_", "LAMBDA_"))]
        if reserved:
            raise CloudError(f"InvalidParameterValueException: reserved keys used in this request: {reserved[0]}")
        if sum(len(name) + len(str(value)) for name, value in variables.items()) > 4096:
            raise CloudError("InvalidParameterValueException: environment variables exceed the 4KB limit")
        if not 128 <= inputs.get("memorySize", 128) <= 10240 or not 1 <= inputs.get("timeout", 3) <= 900:
            raise CloudError("InvalidParameterValueException: memorySize or timeout is out of range")
        if inputs.get("reservedConcurrentExecutions", -1) >= 0:
            raise CloudError(
                "InvalidParameterValueException: Specified ReservedConcurrentExecutions for function decreases "
                "account's UnreservedConcurrentExecution below its minimum value of [10]."
            )
        group = (inputs.get("loggingConfig") or {}).get("logGroup")
        if group and self.cloud.get(logs.GROUP, group) is None:
            raise CloudError(f"InvalidParameterValueException: the log group {group} does not exist")

    def _deploy(self, resource: Resource) -> None:
        inputs, cloud = resource.inputs, self.cloud
        self._forget_session(resource.id)
        session = cloud.access.session(inputs["role"], resource["name"])
        cloud.kernel.store.put("aws:function-sessions", resource.id, {"key": session["AWS_ACCESS_KEY_ID"]})
        environment = {
            **((inputs.get("environment") or {}).get("variables") or {}),
            **session,
            "AWS_REGION": resource.outputs["region"],
            "AWS_DEFAULT_REGION": resource.outputs["region"],
            "AWS_LAMBDA_FUNCTION_NAME": resource["name"],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(inputs.get("memorySize", 128)),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{inputs['runtime']}",
            "_HANDLER": inputs["handler"],
        }
        host = str(Path(__file__).with_name("host.py"))
        argv = [sys.executable, "-P", host, "{root}", "{port}"]
        cloud.kernel.functions.deploy(key(resource.id), inputs["code"], argv, environment)

    def _forget_session(self, function: str) -> None:
        session = self.cloud.kernel.store.get("aws:function-sessions", function)
        if session is not None:
            self.cloud.access.end(session["key"])

    def delete(self, resource: Resource) -> None:
        self.cloud.kernel.functions.remove(key(resource.id))
        self._forget_session(resource.id)
        for kind in ("aws:function-sessions", iam.PUBLIC):
            self.cloud.kernel.store.delete(kind, resource.id)


class FunctionUrl(AwsHandler):
    """URLs of functions. With NONE, the provider adds the two policy statements that allow public calls."""

    named = None

    def create(self, resource: Resource) -> None:
        function = self.cloud.require(FUNCTION, f"{self.cloud.region(resource)}:{resource.inputs['functionName']}")
        resource.id = function.id
        if self.cloud.region(resource) in LACKS:
            raise CloudError(f"there are no function URLs in {self.cloud.region(resource)}")
        if self.cloud.get(URL, resource.id) is not None:
            raise CloudError(f"ResourceConflictException: Failed to create function url config for [{function['arn']}]")
        letters = string.ascii_lowercase + string.digits
        resource.outputs["urlId"] = "".join(secrets.choice(letters) for _ in range(32))
        self.complete_outputs(resource)

    def add_computed(self, resource: Resource) -> None:
        function, outputs = self.cloud.require(FUNCTION, resource.id), resource.outputs
        outputs["functionArn"] = function["arn"]
        outputs["functionUrl"] = f"https://{outputs['urlId']}.lambda-url.{outputs['region']}.on.aws/"
        # As on AWS, the statements are kept when the URL becomes private again.
        if resource.inputs["authorizationType"] == "NONE":
            self.cloud.kernel.store.put(iam.PUBLIC, resource.id, {"statements": list(iam.PUBLIC_STATEMENTS)})

    def delete(self, resource: Resource) -> None:
        self.cloud.kernel.store.delete(iam.PUBLIC, resource.id)


def invoke(cloud: AwsCloud, function: Resource, event: dict[str, Any]) -> tuple[Any, str]:
    """Run a function with an event; return (result, name of the failure or ""). Raises Refused."""
    if cloud.access.assumable(function.inputs["role"], "lambda.amazonaws.com") is None:
        text = "The role defined for the function cannot be assumed by Lambda."
        return {"errorMessage": text, "errorType": "AccessDeniedException"}, "Unhandled"
    headers = {"content-type": "application/json"}
    timeout = function.outputs.get("timeout", 3) + 10
    try:
        status, answered, body = cloud.kernel.functions.request(
            key(function.id),
            "POST",
            "/",
            headers,
            json.dumps(event).encode(),
            timeout,
            logged=_may_log(cloud, function),
        )
    except FunctionFailed as error:
        return {"errorMessage": str(error), "errorType": "Runtime.ExitError"}, "Unhandled"
    failed = "Unhandled" if status != 200 or answered.get("x-failed") else ""
    return json.loads(body), failed


def _may_log(cloud: AwsCloud, function: Resource) -> bool:
    """Return whether a function's role may write to the function's log group; otherwise its output is lost."""
    group = cloud.get(logs.GROUP, (function.inputs.get("loggingConfig") or {}).get("logGroup", ""))
    role = function.inputs["role"].rsplit("/", 1)[-1]
    return group is None or all(
        cloud.access.is_allowed(role, f"logs:{action}", f"{group['arn']}:log-stream:{function['name']}[$LATEST]")
        for action in ("CreateLogStream", "PutLogEvents")
    )


class Invocations:
    """Lambda's own API, and requests to functions' URLs."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud = cloud

    def serve(self, call: Call) -> Reply:
        """Answer POST /2015-03-31/functions/NAME/invocations or GET /2016-08-19/account-settings. Raises Refused."""
        caller = self._cloud.access.caller(call)
        if (call.method, call.path.rstrip("/")) == ("GET", "/2016-08-19/account-settings"):
            self._cloud.access.demand(caller, "lambda:GetAccountSettings", "*")
            limit = CONCURRENT_EXECUTIONS
            return reply({"AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": limit}})
        match = re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", call.path)
        if match is None or call.method != "POST":
            raise Refused(404, "UnknownOperationException", f"the sandbox has no {call.method} {call.path}")
        name = match[1].rsplit(":", 1)[-1]
        function = self._cloud.get(FUNCTION, f"{self._cloud.region_of(call)}:{name}")
        if function is None:
            raise Refused(404, "ResourceNotFoundException", f"Function not found: {match[1]}")
        self._cloud.access.demand(caller, "lambda:InvokeFunction", function["arn"])
        result, failed = invoke(self._cloud, function, call.json())
        answer = reply(result)
        if failed:
            answer.headers["x-amz-function-error"] = failed
        return answer

    def serve_url(self, call: Call) -> Reply:
        """Answer a request to a function's URL, passed to the function in payload format 2.0."""
        match = _HOST.fullmatch(call.host)
        url = self._cloud.find(URL, urlId=match[1]) if match else None
        if url is None:
            return reply({"Message": None}, 404)
        if url["authorizationType"] != "NONE" or not self._cloud.access.is_public(url.id):
            return reply({"Message": "Forbidden"}, 403)
        function = self._cloud.require(FUNCTION, url.id)
        result, failed = invoke(self._cloud, function, event_of(call))
        if failed:
            return Reply(502, b"Internal Server Error", {"content-type": "application/json"})
        return _answer(result)


def event_of(call: Call) -> dict[str, Any]:
    """Return the event of a request in payload format 2.0."""
    try:
        body, encoded = call.body.decode(), False
    except UnicodeDecodeError:
        body, encoded = base64.b64encode(call.body).decode(), True
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": quote(call.path),
        "rawQueryString": urlencode(call.query),
        "headers": {name: value for name, value in call.headers.items() if not name.startswith("proxy-")},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": call.host.split(".")[0],
            "domainName": call.host,
            "http": {"method": call.method, "path": call.path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": secrets.token_hex(16),
            "routeKey": "$default",
            "stage": "$default",
        },
        "isBase64Encoded": encoded,
    }
    return event | ({"queryStringParameters": call.query} if call.query else {}) | ({"body": body} if body else {})


def _answer(result: Any) -> Reply:
    if not isinstance(result, dict) or "statusCode" not in result:
        return Reply(200, json.dumps(result).encode(), {"content-type": "application/json"})
    body = str(result.get("body") or "")
    content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    headers = {"content-type": "application/json", **(result.get("headers") or {})}
    return Reply(int(result["statusCode"]), content, headers)
