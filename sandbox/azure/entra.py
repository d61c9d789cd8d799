"""Microsoft Entra ID at login.microsoftonline.com: azure-identity's requests for the deployer's service principal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from sandbox.azure import rbac
from sandbox.azure.calls import Call, Reply, reply

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

HOST = "login.microsoftonline.com"
CLIENT_ID, CLIENT_SECRET = "5a4db0c5-0000-4000-8000-000000000004", "sandbox"
"""The deployer's service principal; not secret."""
_PATH = re.compile(r"/(?P<tenant>[^/]+)/(?P<rest>v2\.0/\.well-known/openid-configuration|oauth2/v2\.0/token)")


def serve(cloud: AzureCloud, call: Call) -> Reply:
    """Answer a discovery request, or a token request with a client secret. Raises Refused."""
    if call.path == "/common/discovery/instance":
        names = [HOST, "login.windows.net", "login.microsoft.com", "sts.windows.net"]
        cloud_metadata = {"preferred_network": HOST, "preferred_cache": "login.windows.net", "aliases": names}
        where = f"https://{HOST}/{cloud.tenant}/v2.0/.well-known/openid-configuration"
        return reply({"tenant_discovery_endpoint": where, "api-version": "1.1", "metadata": [cloud_metadata]})
    match = _PATH.fullmatch(call.path)
    if match is None:
        return reply({"error": "invalid_request", "error_description": "AADSTS90002: no such address"}, 404)
    base = f"https://{HOST}/{match['tenant']}"
    if match["rest"].startswith("v2.0"):
        return reply(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            }
        )
    sent = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
    if (sent.get("grant_type"), sent.get("client_id")) != ("client_credentials", CLIENT_ID):
        message = "AADSTS700016: Application was not found in the directory."
        return reply({"error": "unauthorized_client", "error_description": message}, 400)
    if sent.get("client_secret") != CLIENT_SECRET:
        message = "AADSTS7000215: Invalid client secret provided."
        return reply({"error": "invalid_client", "error_description": message}, 401)
    if match["tenant"] != cloud.tenant:
        message = f"AADSTS90002: Tenant '{match['tenant']}' not found."
        return reply({"error": "invalid_request", "error_description": message}, 400)
    audience = sent.get("scope", "").removesuffix("/.default")
    token, _ = cloud.tokens.issue(rbac.DEPLOYER, audience)
    return reply({"access_token": token, "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599})
