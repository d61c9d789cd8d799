"""Whether a call is signed as AWS's Signature Version 4 wants it, by botocore's own implementation of it.

Who a caller is says the access key's id; that it is them says the signature, over method, path, query, the headers that
it names and the body.
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
    """The id of the access key that a call names, if it is signed at all."""
    found = _HEADER.fullmatch(call.headers.get("authorization", ""))
    return found["key"] if found else None


def valid(call: Call, secret: str) -> bool:
    """Whether the call's signature is the one that a secret access key makes."""
    found = _HEADER.fullmatch(call.headers.get("authorization", ""))
    if found is None or "x-amz-date" not in call.headers or not _body_as_said(call):
        return False
    signed = {name: call.headers.get(name, "") for name in found["headers"].split(";")} | {"host": call.host}
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
    kind = S3SigV4Auth if found["service"] == "s3" else SigV4Auth
    signer = kind(Credentials(found["key"], secret), found["service"], found["region"])
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return hmac.compare_digest(signer.signature(text, request), found["signature"])


def _body_as_said(call: Call) -> bool:
    """S3's clients may leave the body out of the signature (a word instead of its hash); HTTPS protects it then."""
    said = call.headers.get(_BODY, "")
    return not re.fullmatch(r"[0-9a-f]{64}", said) or said == hashlib.sha256(call.body).hexdigest()
