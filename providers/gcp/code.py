"""The build of the trigger's code: what Pulumi's provider does not do before it and after a failure.

New permissions take minutes until they have an effect, and a function is built as soon as it is created. If the first
build fails, Google keeps the function in the state FAILED, without a service and without a URL. Pulumi's provider does
not send it again, since the function is as the program wants it. So the trigger's `Permissions` wait before the first
build, and `Code` has a failed function built again.
"""

from __future__ import annotations

import time
from typing import Any

import pulumi

from providers import https
from providers.cancellation import cancelled
from providers.gcp.build_api import read_message
from providers.refusal import Refusal
from providers.resource import Resource, TokenProvider

_API = "https://cloudfunctions.googleapis.com/v2"


class CodeError(Refusal):
    """The function does not run. The sentence contains Google's answer and says what to do."""


class CodeProvider(TokenProvider):
    """Looks whether the function is active, and builds it again if its build failed."""

    compared, suffix = ("function", "build"), "code"
    poll_seconds = 3.0
    repeat_seconds = 20.0
    build_seconds = 600.0
    """How long a failing build is repeated: permissions take effect after two minutes, sometimes after seven or more
    (cloud.google.com/iam/docs/access-change-propagation)."""

    def apply(self, props: dict[str, Any]) -> dict[str, Any]:
        """Return the URL of the active function. Raises CodeError."""
        name, deadline = props["function"], time.monotonic() + self.build_seconds
        while (function := _call(props, "GET", name))["state"] != "ACTIVE":
            if function["state"] == "DEPLOYING":
                cancelled.wait(self.poll_seconds)
                continue
            print(f"the last build of {name} failed; building it again", flush=True)
            error = self._build(props)
            if error and (time.monotonic() > deadline or cancelled.wait(self.repeat_seconds)):
                raise CodeError(f"{name} could not be built: {error}. Run `pulumi up` again, which builds it again.")
        url = (function.get("serviceConfig") or {}).get("uri")
        if not url:
            raise CodeError(f"{name} is active but has no URL. Run `pulumi up` again in a minute.")
        return {"url": url}

    def _build(self, props: dict[str, Any]) -> str:
        """Build the function again and wait for the end. Returns the reason of a failure, or an empty string."""
        body = {"name": props["function"], "buildConfig": props["build"]}
        operation = _call(props, "PATCH", f"{props['function']}?updateMask=buildConfig", body)
        while not operation.get("done"):
            if cancelled.wait(self.poll_seconds):
                return "the update was cancelled"
            operation = _call(props, "GET", operation["name"])
        return str((operation.get("error") or {}).get("message", ""))


def _call(props: dict[str, Any], method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {props['token']}"}
    try:
        answer = https.request(method, f"{_API}/{path}", headers=headers, json=body, timeout=60)
    except https.NoResponse as error:
        raise CodeError(f"{method} {path}: no answer ({error}). Run `pulumi up` again.") from error
    if answer.status_code >= 400:
        raise CodeError(f"{method} {path}: HTTP {answer.status_code} {read_message(answer)}")
    content: dict[str, Any] = answer.json()
    return content


class Code(Resource, module="prediction-nodes", name="FunctionCode"):
    """The running code of a function (projects/P/locations/L/functions/F), and its URL."""

    url: pulumi.Output[str]
    """https://HOST"""

    def __init__(
        self,
        name: str,
        function: pulumi.Input[str],
        build: pulumi.Input[dict[str, Any]],
        token: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`build` is the function's buildConfig in the API's form."""
        props = {"function": function, "build": build, "token": token, "url": None}
        super().__init__("gcp-code", name, props, opts)
