"""The trigger's code in its function app, as a separate resource.

Flex Consumption accepts code only through the app's publish endpoint: a package in the app's container is not deployed
by itself, and azure-native has no resource for the endpoint. A deployment can report success even if the app has no
function. So this resource waits until GET /health returns the digest of this package, which the running code computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi
import tenacity

from providers import https
from providers.azure.archive import ARCHIVE
from providers.azure.arm import describe
from providers.refusal import Refusal
from providers.resource import Resource, TokenProvider

if TYPE_CHECKING:
    import httpx

_SUCCEEDED, _FAILED = 4, {-1: "canceled", 3: "failed", 5: "conflicted", 6: "partly succeeded"}


class PublishError(Refusal):
    """The code is not running. The sentence contains Azure's answer and says what to do."""


class _NotYetError(Exception):
    """An error that a new app returns until its roles and host names have taken effect."""


class CodeProvider(TokenProvider):
    """Publishes the package if it or the app has changed, and waits until the new code answers."""

    compared, suffix = ("site", "package"), "code"
    poll_seconds = 3.0
    publish_seconds = 900.0
    health_seconds = 300.0

    def apply(self, props: dict[str, Any]) -> dict[str, Any]:
        package = ARCHIVE.package()
        try:
            self._until(self.publish_seconds, lambda: self._publish(props, package))
            self._until(self.health_seconds, lambda: _check_health(props))
        except _NotYetError as error:
            raise PublishError(
                f"the code of {props['site']} is not running: {error}. On Azure, it can take ten minutes until new "
                "roles and host names take effect; run `pulumi up` again, which publishes only what is missing."
            ) from error
        return {}

    def _until(self, seconds: float, step: Any) -> None:
        tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_NotYetError),
            wait=tenacity.wait_exponential(multiplier=self.poll_seconds, max=20),
            stop=tenacity.stop_after_delay(seconds),
            reraise=True,
        )(step)

    def _publish(self, props: dict[str, Any], package: bytes) -> None:
        endpoint = f"https://{props['publisher']}/api"
        signed = {"Authorization": f"Bearer {props['token']}"}
        answer = _call(
            "POST",
            f"{endpoint}/publish?RemoteBuild=false&Deployer=pulumi",
            headers={**signed, "Content-Type": "application/zip"},
            content=package,
        )
        deployment = answer.text.strip().strip('"')
        if answer.status_code == 200 and not deployment:
            return
        state: dict[str, Any] | None = None
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_NotYetError),
            wait=tenacity.wait_fixed(self.poll_seconds),
            stop=tenacity.stop_after_delay(300),
            reraise=True,
        ):
            with attempt:
                # Once a deployment was found, 404 means that it has ended and its worker was recycled (as in azd,
                # cli/azd/pkg/azsdk/funcapp_host_client.go). The health check then shows whether its code runs.
                gone = (404,) if state else ()
                answer = _call("GET", f"{endpoint}/deployments/{deployment}", gone, headers=signed)
                if answer.status_code in gone:
                    return
                state = answer.json()
                status = state.get("status")
                if status not in (_SUCCEEDED, *_FAILED):
                    raise _NotYetError(f"deployment {deployment} is at status {status}")
        if state and status in _FAILED:
            # Often BlobUploadFailedException: the app's identity cannot write to its container yet.
            reason = state.get("status_text") or state.get("message") or _FAILED[status]
            raise _NotYetError(f"deployment {deployment} {_FAILED[status]}: {reason}")


def _call(method: str, url: str, expected: Sequence[int] = (), **arguments: Any) -> httpx.Response:
    where = f"{method} {url.split('?')[0]}"
    try:
        answer = https.request(method, url, timeout=120, follow_redirects=True, **arguments)
    except https.NoResponse as error:
        raise _NotYetError(f"{where}: no answer ({error})") from error
    if answer.status_code in expected:
        return answer
    if answer.status_code in (401, 403, 404, 409, 429) or answer.status_code >= 500:
        raise _NotYetError(f"{where}: {describe(answer)}")
    if answer.status_code >= 400:
        raise PublishError(f"{where}: {describe(answer)}")
    return answer


def _check_health(props: dict[str, Any]) -> None:
    answer = _call("GET", f"https://{props['host']}/health")
    try:
        running = answer.json().get("package")
    except ValueError:
        running = None
    if running != props["package"]:
        raise _NotYetError(f"GET https://{props['host']}/health shows package {running}, expected {props['package']}")


class Code(Resource, module="prediction-nodes", name="FunctionCode"):
    """The package of trigger/, published to one function app."""

    def __init__(
        self,
        name: str,
        site: pulumi.Input[str],
        host: pulumi.Input[str],
        publisher: pulumi.Input[str],
        token: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        props = {
            "site": site,
            "host": host,
            "publisher": publisher,
            "package": ARCHIVE.digest(),
            "token": token,
        }
        super().__init__("azure-code", name, props, opts)
