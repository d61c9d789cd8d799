"""Signs calls of Azure with the credentials that the stack's provider uses.

azure-native:clientId with clientSecret, oidcToken, clientCertificatePath or useOidc (in GitHub Actions), or the ARM_*
variables of the same meaning, selects a service principal, and useMsi the machine's identity. Otherwise
azure-identity's DefaultAzureCredential (az login and others) is used, with the directory of the stack.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from typing import Any

from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    CredentialUnavailableError,
    DefaultAzureCredential,
    ManagedIdentityCredential,
)

from providers import https
from providers.operations import UNREACHED, Configured, NoCredentials, OperationsError

_VARIABLES = {
    "clientId": "ARM_CLIENT_ID",
    "clientSecret": "ARM_CLIENT_SECRET",
    "clientCertificatePath": "ARM_CLIENT_CERTIFICATE_PATH",
    "clientCertificatePassword": "ARM_CLIENT_CERTIFICATE_PASSWORD",
    "tenantId": "ARM_TENANT_ID",
    "oidcToken": "ARM_OIDC_TOKEN",
    "useMsi": "ARM_USE_MSI",
    "useOidc": "ARM_USE_OIDC",
    "oidcRequestUrl": "ACTIONS_ID_TOKEN_REQUEST_URL",
    "oidcRequestToken": "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
}
_MENDED = (
    "Expected the credentials that `pulumi up` uses: sign in with `az login` (with --tenant DIRECTORY if the "
    "subscription is in another one), or set azure-native:clientId, clientSecret and tenantId."
)
_NO_ANSWER = (ServiceRequestError, ServiceResponseError)
# DefaultAzureCredential reports network errors only in its text. Other beginnings are methods that are not set up.
_CHAINED = re.compile(r"Credential: Authentication failed: .*(?:Failed to establish|Failed to resolve|timed out)")
# DefaultAzureCredential logs each method that fails, even if the next one works.
logging.getLogger("azure").setLevel(logging.CRITICAL)


class Identity:
    """Gets tokens; safe to use from several threads."""

    def __init__(self, configured: Configured) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}
        settings = {
            name: configured(f"azure-native:{name}") or os.environ.get(variable)
            for name, variable in _VARIABLES.items()
        }
        self._tenant = settings["tenantId"]
        try:
            self._credential = _load_credentials({name: str(value) for name, value in settings.items() if value})
        except (ValueError, OSError) as error:
            raise NoCredentials(f"Azure's credentials cannot be used ({_short(error)}). {_MENDED}") from error

    def headers(self, resource: str) -> dict[str, str]:
        """Return the Authorization header for a resource (https://...). Raises NoCredentials."""
        with self._lock:
            token, expires = self._tokens.get(resource, ("", 0.0))
            if expires - time.time() < 300:
                token, expires = self._tokens[resource] = self._fetch_token(f"{resource}/.default")
        return {"Authorization": f"Bearer {token}"}

    def request_token(self, resource: str) -> str:
        """Return an access token for a resource. Raises NoCredentials and OperationsError."""
        return self.headers(resource)["Authorization"].removeprefix("Bearer ")

    def _fetch_token(self, scope: str) -> tuple[str, float]:
        options = {"tenant_id": self._tenant} if self._tenant else {}
        try:
            token = self._credential.get_token(scope, **options)
        except CredentialUnavailableError as error:
            raise NoCredentials(f"There are no usable Azure credentials. {_MENDED}") from error
        except AzureError as error:
            if isinstance(error, _NO_ANSWER) or isinstance(error.__cause__, _NO_ANSWER) or _CHAINED.search(str(error)):
                raise OperationsError(f"Azure did not answer the request for a token. {UNREACHED}") from error
            raise NoCredentials(f"Azure issued no token ({_short(error)}). {_MENDED}") from error
        return token.token, float(token.expires_on)


def _load_credentials(settings: dict[str, str]) -> Any:
    tenant, client = settings.get("tenantId"), settings.get("clientId")
    if tenant and client and "clientSecret" in settings:
        return ClientSecretCredential(tenant, client, settings["clientSecret"])
    if tenant and client and "oidcToken" in settings:
        return ClientAssertionCredential(tenant, client, lambda: settings["oidcToken"])
    if tenant and client and "clientCertificatePath" in settings:
        password = settings.get("clientCertificatePassword")
        return CertificateCredential(tenant, client, settings["clientCertificatePath"], password=password)
    if tenant and client and settings.get("useOidc", "").lower() == "true" and "oidcRequestUrl" in settings:
        return ClientAssertionCredential(tenant, client, lambda: _request_assertion(settings))
    if settings.get("useMsi", "").lower() == "true":
        return ManagedIdentityCredential(client_id=client)
    return DefaultAzureCredential(additionally_allowed_tenants=["*"])


def _request_assertion(settings: dict[str, str]) -> str:
    """Return a new token of the job in GitHub Actions. The one that the Azure CLI keeps is valid for five minutes."""
    url = f"{settings['oidcRequestUrl']}&audience=api://AzureADTokenExchange"
    signed = {"Authorization": f"Bearer {settings.get('oidcRequestToken', '')}"}
    try:
        answer = https.request("GET", url, headers=signed, timeout=30.0)
    except https.NoResponse as error:
        raise OperationsError(f"GitHub did not answer the request for a token. {UNREACHED}") from error
    if answer.status_code != 200:
        raise NoCredentials(f"GitHub issued no token (HTTP {answer.status_code}). The job needs `id-token: write`.")
    return str(answer.json()["value"])


def _short(error: Exception) -> str:
    """Return an error's code, such as AADSTS7000215, or its type. Its text may repeat parts of the request."""
    words = str(error).replace(":", " ").split()
    return next((word for word in words if word.startswith("AADSTS")), type(error).__name__)
