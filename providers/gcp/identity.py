"""Signs calls of Google Cloud with the credentials that the stack's provider uses.

They are searched in the provider's order: gcp:accessToken, gcp:credentials (a key as JSON, or its file), the same
settings from the environment, then google-auth's defaults. gcp:impersonateServiceAccount applies to all of them.
"""

from __future__ import annotations

import json
import os
import threading
import warnings
from pathlib import Path
from typing import Any

import google.auth
import google.auth.exceptions
import google.auth.impersonated_credentials
import google.auth.transport.requests
import google.oauth2.credentials

from providers.operations import UNREACHED, Configured, NoCredentials, OperationsError

_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_MENDED = (
    "Expected the credentials that `pulumi up` uses: sign in with `gcloud auth application-default login`, or set "
    "GOOGLE_APPLICATION_CREDENTIALS to a key file."
)


class Identity:
    """Signs requests; safe to use from several threads."""

    def __init__(self, configured: Configured) -> None:
        self._lock, self._request = threading.Lock(), google.auth.transport.requests.Request()
        try:
            self._credentials = _load_credentials(configured)
        except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as error:
            raise NoCredentials(f"There are no usable Google Cloud credentials ({_short(error)}). {_MENDED}") from error

    def headers(self, method: str, url: str) -> dict[str, str]:
        """Return the Authorization header, and a quota project's if the credentials name one. Raises NoCredentials."""
        headers: dict[str, str] = {}
        try:
            with self._lock:
                self._credentials.before_request(self._request, method, url, headers)
        except google.auth.exceptions.TransportError as error:
            raise OperationsError(f"Google Cloud did not answer the request for a token. {UNREACHED}") from error
        except google.auth.exceptions.GoogleAuthError as error:
            raise NoCredentials(f"Google Cloud issued no token ({_short(error)}). {_MENDED}") from error
        return headers

    def request_token(self) -> str:
        """Return an access token. Raises NoCredentials and OperationsError."""
        return self.headers("GET", "")["authorization"].removeprefix("Bearer ")


def _load_credentials(configured: Configured) -> Any:
    credentials = _load_source_credentials(configured)
    target = configured("gcp:impersonateServiceAccount") or os.environ.get("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT")
    if not target:
        return credentials
    return google.auth.impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
        source_credentials=credentials, target_principal=target, target_scopes=_SCOPES
    )


def _load_source_credentials(configured: Configured) -> Any:
    token = configured("gcp:accessToken") or os.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN")
    if token:
        return google.oauth2.credentials.Credentials(token)  # type: ignore[no-untyped-call]
    variables = ("GOOGLE_CREDENTIALS", "GOOGLE_CLOUD_KEYFILE_JSON", "GCLOUD_KEYFILE_JSON")
    key = configured("gcp:credentials") or next(filter(None, map(os.environ.get, variables)), None)
    with warnings.catch_warnings():
        # Ignore the warning about a missing quota project: `Account.call` sets one when Google requires it.
        warnings.simplefilter("ignore")
        if not key:
            return google.auth.default(scopes=_SCOPES)[0]
        text = key if key.lstrip().startswith("{") else Path(key).expanduser().read_text(encoding="utf-8")
        pair = google.auth.load_credentials_from_dict(json.loads(text), scopes=_SCOPES)  # type: ignore[no-untyped-call]
        return pair[0]


def _short(error: Exception) -> str:
    """Return the first line of an error, without the content of files or answers."""
    if isinstance(error, google.auth.exceptions.RefreshError):
        return "they have expired or were revoked"
    if isinstance(error, json.JSONDecodeError):
        return "gcp:credentials is neither JSON nor the name of a JSON file"
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")[:200]
