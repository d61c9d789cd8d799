"""Who asks Google Cloud: what the stack's provider is configured with, else application default credentials.

The order is the provider's: gcp:accessToken, gcp:credentials (a key's JSON or its file), the same from the environment,
then what google-auth finds by itself; gcp:impersonateServiceAccount on top of any of them.
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
    "Expected the credentials that `pulumi up` uses: sign in with `gcloud auth application-default login`, or name a "
    "key's file in GOOGLE_APPLICATION_CREDENTIALS."
)


class Identity:
    """Signs requests; safe to use from several threads."""

    def __init__(self, configured: Configured) -> None:
        self._lock, self._request = threading.Lock(), google.auth.transport.requests.Request()
        try:
            self._credentials = _found(configured)
        except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as error:
            raise NoCredentials(f"There are no usable Google Cloud credentials ({_short(error)}). {_MENDED}") from error

    def headers(self, method: str, url: str) -> dict[str, str]:
        """Authorization, and the project that is billed where the credentials name one. Raises NoCredentials."""
        found: dict[str, str] = {}
        try:
            with self._lock:
                self._credentials.before_request(self._request, method, url, found)
        except google.auth.exceptions.TransportError as error:
            raise OperationsError(f"Google Cloud could not be asked for a token (no answer). {UNREACHED}") from error
        except google.auth.exceptions.GoogleAuthError as error:
            raise NoCredentials(f"Google Cloud gives no token ({_short(error)}). {_MENDED}") from error
        return found


def _found(configured: Configured) -> Any:
    credentials = _source(configured)
    target = configured("gcp:impersonateServiceAccount") or os.environ.get("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT")
    if not target:
        return credentials
    return google.auth.impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
        source_credentials=credentials, target_principal=target, target_scopes=_SCOPES
    )


def _source(configured: Configured) -> Any:
    token = configured("gcp:accessToken") or os.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN")
    if token:
        return google.oauth2.credentials.Credentials(token)  # type: ignore[no-untyped-call]
    variables = ("GOOGLE_CREDENTIALS", "GOOGLE_CLOUD_KEYFILE_JSON", "GCLOUD_KEYFILE_JSON")
    given = configured("gcp:credentials") or next(filter(None, map(os.environ.get, variables)), None)
    with warnings.catch_warnings():
        # Of a missing quota project, which is dealt with where a call is refused for it.
        warnings.simplefilter("ignore")
        if not given:
            return google.auth.default(scopes=_SCOPES)[0]
        text = given if given.lstrip().startswith("{") else Path(given).expanduser().read_text(encoding="utf-8")
        found = google.auth.load_credentials_from_dict(json.loads(text), scopes=_SCOPES)  # type: ignore[no-untyped-call]
        return found[0]


def _short(error: Exception) -> str:
    """The first line; never what a file or an answer held."""
    if isinstance(error, google.auth.exceptions.RefreshError):
        return "they have expired or were withdrawn"
    if isinstance(error, json.JSONDecodeError):
        return "gcp:credentials is neither JSON nor the name of a file with it"
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")[:200]
