"""Tokens: who a bearer of one is, and the endpoint where an app's process gets them for its identity."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING

from sandbox.azure.calls import Call, Refused, Reply, reply

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

HOST = "169.254.131.2"
"""A link-local address, as where Functions serves tokens to a process."""
MANAGEMENT, STORAGE = "https://management.azure.com", "https://storage.azure.com"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
_LIFETIME = 3600.0


class Tokens:
    """Issues and recognises access tokens; a token is good for one audience and one hour."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def issue(self, principal: str, audience: str) -> tuple[str, float]:
        """A token for a principal (object id) and when it expires (epoch seconds)."""
        token, expires = f"eyJ0eXAi.{secrets.token_urlsafe(48)}", time.time() + _LIFETIME
        self._store.put("azure:tokens", token, {"principal": principal, "audience": audience, "expires": expires})
        return token, expires

    def principal(self, call: Call, *audiences: str) -> str:
        """Who is calling. Raises Refused (401)."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        known = self._store.get("azure:tokens", token) if scheme.lower() == "bearer" else None
        if known is None:
            raise Refused(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        if known["expires"] < time.time():
            raise Refused(401, "ExpiredAuthenticationToken", "The access token expiry UTC time is in the past.")
        if known["audience"] not in audiences:
            raise Refused(
                401,
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{known['audience']}'. "
                f"It should exactly match one of the allowed audiences '{audiences[0]}/'.",
            )
        return str(known["principal"])

    def environment(self, site: str, identities: list[str]) -> dict[str, str]:
        """What a process of an app with these identities (resource ids) has in its environment."""
        known = self._store.get("azure:identity-headers", site)
        header = known["header"] if known else secrets.token_hex(16).upper()
        self._store.put("azure:identity-headers", site, {"header": header, "identities": identities})
        return {"IDENTITY_ENDPOINT": f"http://{HOST}:8081/msi/token", "IDENTITY_HEADER": header}

    def forget(self, site: str) -> None:
        """The app is gone."""
        self._store.delete("azure:identity-headers", site)

    def serve(self, call: Call) -> Reply:
        """GET /msi/token: a token for one of the identities of the app whose header is sent."""
        header = call.headers.get("x-identity-header", "")
        apps = self._store.all("azure:identity-headers").values()
        app = next((each for each in apps if secrets.compare_digest(each["header"], header)), None)
        if app is None or call.path != "/msi/token":
            return reply({"statusCode": 400, "message": "the X-IDENTITY-HEADER is missing or wrong"}, 400)
        wanted = call.query.get("client_id")
        for id_ in app["identities"]:
            identity = self._cloud.get(IDENTITY, id_)
            # As on Azure: without client_id the system-assigned identity is meant, which these apps do not have.
            if identity is not None and identity["clientId"] == wanted:
                audience = call.query.get("resource", "").rstrip("/")
                token, expires = self.issue(identity["principalId"], audience)
                body = {
                    "access_token": token,
                    "expires_on": str(int(expires)),
                    "resource": audience,
                    "token_type": "Bearer",
                    "client_id": wanted,
                }
                return Reply(200, json.dumps(body).encode(), {"content-type": "application/json"})
        return reply({"statusCode": 400, "message": "Unable to load the proper Managed Identity."}, 400)
