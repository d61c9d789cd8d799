"""A small client of Azure Resource Manager, for calls that no resource of azure-native makes: builds and registrations.

It uses the token of the azure-native provider (`authorization.getClientToken`), so it has the identity that the user
has configured for the provider (service principal, OIDC, az login or managed identity).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tenacity

from providers import https

if TYPE_CHECKING:
    import httpx

MANAGEMENT = "https://management.azure.com"
TIMEOUT = 60


class ArmError(Exception):
    """Azure refused a call or did not answer. The text names the call and the answer."""

    def __init__(self, text: str, status: int | None = None) -> None:
        self.status = status
        """The HTTP status of the answer; None if there was no answer."""
        super().__init__(text)

    @property
    def passing(self) -> bool:
        """Whether a later retry may succeed."""
        return self.status is None or self.status == 429 or self.status >= 500


def describe(response: httpx.Response) -> str:
    """Return the status, code and message of an error answer in one line."""
    try:
        error = response.json().get("error", {})
        text = f"{error.get('code', '')}: {error.get('message', '')}".strip(": ")
    except (ValueError, AttributeError):
        text = ""
    return f"HTTP {response.status_code} {text or response.text[:500]}".strip()


def send(client: httpx.Client, attempts: int, method: str, url: str, **arguments: Any) -> httpx.Response:
    """Make a call, retry it after temporary errors (429, 5xx, no answer), and return the answer. Raises ArmError."""
    where = f"{method} {url.split('?')[0]}"

    @tenacity.retry(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, ArmError) and error.passing),
        wait=tenacity.wait_random_exponential(multiplier=1, max=20),
        stop=tenacity.stop_after_attempt(attempts),
        reraise=True,
    )
    def send_once() -> httpx.Response:
        try:
            answer = https.request(method, url, client, **arguments)
        except https.NoResponse as error:
            raise ArmError(f"{where}: no answer ({error})") from error
        if answer.status_code >= 400:
            raise ArmError(f"{where}: {describe(answer)}", answer.status_code)
        return answer

    return send_once()


class Arm:
    """Makes calls to https://management.azure.com and retries them after temporary errors."""

    def __init__(self, token: str, attempts: int = 6) -> None:
        self._attempts = attempts
        self._client = https.open_client(headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT)

    def get(self, path: str, version: str) -> dict[str, Any]:
        """Return a resource by its id."""
        return self._call("GET", path, version)

    def post(self, path: str, version: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call an action of a resource. If the answer is asynchronous (202 with a Location), wait for the result."""
        return self._call("POST", path, version, body)

    def _call(self, method: str, path: str, version: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        url = f"{MANAGEMENT}{path}?api-version={version}"
        response = send(self._client, self._attempts, method, url, json=body)
        if response.status_code == 202 and not response.content.strip() and "Location" in response.headers:
            response = self._follow(response.headers["Location"])
        return response.json() if response.content.strip() else {}

    def _follow(self, location: str) -> httpx.Response:
        @tenacity.retry(
            retry=tenacity.retry_if_result(lambda response: response.status_code == 202),
            wait=tenacity.wait_fixed(2),
            stop=tenacity.stop_after_delay(300),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        def poll() -> httpx.Response:
            return https.request("GET", location, self._client)

        response = poll()
        if response.status_code != 200:
            raise ArmError(f"GET {location.split('?')[0]}: {describe(response)}")
        return response
