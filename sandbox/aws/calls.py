"""The form of AWS's answers: JSON for most services, XML for S3 and STS."""

from __future__ import annotations

import json
import secrets
from typing import Any
from xml.sax.saxutils import escape

from sandbox.calls import Call, Refused, Reply

__all__ = ["Call", "Refused", "Reply", "json_error", "query_error", "reply", "s3_error", "xml"]


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    """Build a JSON answer."""
    return Reply(status, json.dumps(body).encode(), {"content-type": "application/x-amz-json-1.1", **headers})


def json_error(refused: Refused) -> Reply:
    """Build a refusal in the form of the JSON protocols."""
    body = {"__type": refused.code, "message": str(refused), "Message": str(refused)}
    return reply(body, refused.status, **{"x-amzn-errortype": refused.code})


def xml(text: str, status: int = 200) -> Reply:
    """Build an XML answer."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return Reply(status, body, {"content-type": "application/xml", "x-amz-request-id": secrets.token_hex(8).upper()})


def s3_error(refused: Refused) -> Reply:
    """Build a refusal in S3's form."""
    return xml(f"<Error><Code>{refused.code}</Code><Message>{escape(str(refused))}</Message></Error>", refused.status)


def query_error(refused: Refused) -> Reply:
    """Build a refusal in the form of the query protocol (STS)."""
    inner = f"<Type>Sender</Type><Code>{refused.code}</Code><Message>{escape(str(refused))}</Message>"
    return xml(f"<ErrorResponse><Error>{inner}</Error><RequestId>sandbox</RequestId></ErrorResponse>", refused.status)
