"""Clients of AWS for what no resource does (uploading sources, starting builds), set up as the stack's provider is.

The stack's configuration decides (aws:profile, aws:accessKey, aws:assumeRoles, aws:endpoints, ...); what it does not
say is left to boto3's own chain, which reads the same environment and files as the provider.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.config import Config

Get = Callable[[str], Any]
_RETRIES = Config(retries={"mode": "standard", "max_attempts": 6})


class Session:
    """`client(service)` in one region, with the stack's identity and endpoints."""

    def __init__(self, get: Get, region: str) -> None:
        self._get, self._region = get, region
        self._endpoints = _endpoints(_parsed(get("aws:endpoints")))
        self._session = boto3.Session(
            aws_access_key_id=get("aws:accessKey") or None,
            aws_secret_access_key=get("aws:secretKey") or None,
            aws_session_token=get("aws:token") or None,
            profile_name=get("aws:profile") or None,
            region_name=region,
        )
        roles = _parsed(get("aws:assumeRoles")) or []
        for role in [*roles, *([one] if (one := _parsed(get("aws:assumeRole"))) else [])]:
            self._assume(role)

    def client(self, service: str) -> Any:
        """A client of a service, named as boto3 names it."""
        return self._session.client(service, endpoint_url=self._endpoints.get(service), config=_RETRIES)

    def _assume(self, role: Mapping[str, Any]) -> None:
        wanted = {
            "RoleArn": role["roleArn"],
            "RoleSessionName": role.get("sessionName") or "prediction-nodes",
            "ExternalId": role.get("externalId"),
            "Policy": role.get("policy"),
            "PolicyArns": [{"arn": arn} for arn in role.get("policyArns") or []],
            "Tags": [{"Key": key, "Value": value} for key, value in (role.get("tags") or {}).items()],
            "TransitiveTagKeys": role.get("transitiveTagKeys"),
            "SourceIdentity": role.get("sourceIdentity"),
        }
        given = self.client("sts").assume_role(**{key: value for key, value in wanted.items() if value})["Credentials"]
        self._session = boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=self._region,
        )


def _parsed(value: Any) -> Any:
    """Objects of a stack's configuration arrive as JSON text."""
    return json.loads(value) if isinstance(value, str) and value else value


def _endpoints(value: Any) -> dict[str, str]:
    """The provider takes a list of objects {service: URL}, or one object."""
    parts = value if isinstance(value, list) else [value] if value else []
    return {service: url for part in parts for service, url in part.items() if url}
