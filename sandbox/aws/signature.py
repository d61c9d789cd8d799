"""Checks AWS Signature Version 4 of calls with botocore's own implementation.

The access key id identifies the caller. The signature proves it; it covers method, path, query, body and the headers
that it lists.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import quote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.calls import Call

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_BODY = "x-amz-content-sha256"


def key_of(call: Call) -> str | None:
    """Return the access key id of a call, or None if the call is not signed."""
    match = _HEADER.fullmatch(call.headers.get("authorization", ""))
    return match["key"] if match else None


def valid(call: Call, secret: str) -> bool:
    """Return whether the call is signed with this secret access key."""
    match = _HEADER.fullmatch(call.headers.get("authorization", ""))
    if match is None or "x-amz-date" not in call.headers or not _body_matches(call):
        return False
    signed = {name: call.headers.get(name, "") for name in match["headers"].split(";")} | {"host": call.host}
    if _BODY in call.headers:
        signed[_BODY] = call.headers[_BODY]
    request = AWSRequest(
        method=call.method,
        url=f"https://{call.host}{quote(call.path, safe='/~')}",
        headers=signed,
        params=call.query,
        data=call.body,
    )
    request.context["timestamp"] = call.headers["x-amz-date"]
    kind = S3SigV4Auth if match["service"] == "s3" else SigV4Auth
    signer = kind(Credentials(match["key"], secret), match["service"], match["region"])
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return hmac.compare_digest(signer.signature(text, request), match["signature"])


def _body_matches(call: Call) -> bool:
    """Return whether the body has the signed hash. S3's clients may send a word instead and rely on HTTPS."""
    expected = call.headers.get(_BODY, "")
    return not re.fullmatch(r"[0-9a-f]{64}", expected) or expected == hashlib.sha256(call.body).hexdigest()
