"""Access tokens: the principal of a token, and the endpoint that issues tokens for an app's identities."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from sandbox.azure.calls import Call, Refused, Reply, reply

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

HOST = "169.254.131.2"
"""A link-local address, like that of the token endpoint in Azure Functions."""
MANAGEMENT, STORAGE = "https://management.azure.com", "https://storage.azure.com"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
OWN_IDENTITY = (
    "/subscriptions/{}/resourceGroups/mine/providers/Microsoft.ManagedIdentity/userAssignedIdentities/my-model"
)
"""An identity that the user has created outside of the stack, with the subscription's id for {}."""
_LIFETIME = 3600.0


class Tokens:
    """Issues and checks access tokens; a token is valid for one audience and one hour."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def issue(self, principal: str, audience: str) -> tuple[str, float]:
        """Issue a token for a principal (object id); return it with its expiry (epoch seconds)."""
        token, expires = f"eyJ0eXAi.{secrets.token_urlsafe(48)}", time.time() + _LIFETIME
        self._store.put("azure:tokens", token, {"principal": principal, "audience": audience, "expires": expires})
        return token, expires

    def principal(self, call: Call, *audiences: str) -> str:
        """Return the principal of a call's token. Raises Refused (401)."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        record = self._store.get("azure:tokens", token) if scheme.lower() == "bearer" else None
        if record is None:
            raise Refused(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        if record["expires"] < time.time():
            raise Refused(401, "ExpiredAuthenticationToken", "The access token expiry UTC time is in the past.")
        if record["audience"] not in audiences:
            raise Refused(
                401,
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{record['audience']}'. "
                f"It should exactly match one of the allowed audiences '{audiences[0]}/'.",
            )
        return str(record["principal"])

    def environment(self, site: str, identity: dict[str, Any]) -> dict[str, str]:
        """Return the variables of an app's process for the output `identity` of the app."""
        record = self._store.get("azure:identity-headers", site)
        header = record["header"] if record else secrets.token_hex(16).upper()
        principals = {each["clientId"]: each["principalId"] for each in list_attached(identity).values()}
        if identity.get("principalId"):
            principals[""] = identity["principalId"]
        self._store.put("azure:identity-headers", site, {"header": header, "principals": principals})
        return {"IDENTITY_ENDPOINT": f"http://{HOST}:8081/msi/token", "IDENTITY_HEADER": header}

    def forget(self, site: str) -> None:
        """Delete an app's identity header."""
        self._store.delete("azure:identity-headers", site)

    def serve(self, call: Call) -> Reply:
        """Answer GET /msi/token for an identity of the app that the identity header belongs to. Raises Refused."""
        header = call.headers.get("x-identity-header", "")
        apps = self._store.all("azure:identity-headers").values()
        app = next((candidate for candidate in apps if secrets.compare_digest(candidate["header"], header)), None)
        if app is None or call.path != "/msi/token":
            return reply({"statusCode": 400, "message": "the X-IDENTITY-HEADER is missing or wrong"}, 400)
        # As on Azure, a request without client_id means the system-assigned identity.
        client_id = call.query.get("client_id", "")
        principal = app["principals"].get(client_id)
        if principal is None:
            return reply({"statusCode": 400, "message": "Unable to load the proper Managed Identity."}, 400)
        audience = call.query.get("resource", "").rstrip("/")
        token, expires = self.issue(principal, audience)
        body = {
            "access_token": token,
            "expires_on": str(int(expires)),
            "resource": audience,
            "token_type": "Bearer",
            "client_id": client_id,
        }
        return Reply(200, json.dumps(body).encode(), {"content-type": "application/json"})


def list_attached(identity: dict[str, Any] | None) -> dict[str, Any]:
    """Return the user-assigned identities in the output `identity` of an app or job, by resource id."""
    return dict((identity or {}).get("userAssignedIdentities") or {})
