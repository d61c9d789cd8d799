"""Clients of AWS for what no resource does (uploading sources, starting builds), set up as the stack's provider is.

The stack's configuration decides (aws:profile, aws:accessKey, aws:assumeRoles, aws:endpoints, ...); what it does not
say is left to boto3's own chain, which reads the same environment and files as the provider.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config

Get = Callable[[str], Any]
_SESSION_NAME = "prediction-nodes"
# The provider's names of services where they are others than boto3's.
_PROVIDER_NAMES = {"logs": ("logs", "cloudwatchlogs", "cloudwatchlog")}


class Session:
    """`client(service)` in one region, with the stack's identity and endpoints."""

    def __init__(self, get: Get, region: str) -> None:
        self._region = region
        self._endpoints = _endpoints(_parsed(get("aws:endpoints")))
        self._config = Config(
            retries={"mode": "standard", "max_attempts": 6},
            s3={"addressing_style": "path"} if _parsed(get("aws:s3UsePathStyle")) else None,
            use_fips_endpoint=_parsed(get("aws:useFipsEndpoint")),
            use_dualstack_endpoint=_parsed(get("aws:useDualstackEndpoint")),
        )
        self._session = boto3.Session(
            aws_access_key_id=get("aws:accessKey") or None,
            aws_secret_access_key=get("aws:secretKey") or None,
            aws_session_token=get("aws:token") or None,
            profile_name=get("aws:profile") or None,
            region_name=region,
            botocore_session=_with_files(get),
        )
        web = _parsed(get("aws:assumeRoleWithWebIdentity"))
        if web:
            self._assume_by_token(web)
        one = _parsed(get("aws:assumeRole"))
        for role in [*(_parsed(get("aws:assumeRoles")) or []), *([one] if one else [])]:
            self._assume(role)

    def client(self, service: str, **more: Any) -> Any:
        """A client of a service, named as boto3 names it."""
        names = _PROVIDER_NAMES.get(service, (service,))
        endpoint = next((self._endpoints[name] for name in names if name in self._endpoints), None)
        return self._session.client(service, endpoint_url=endpoint, config=self._config.merge(Config(**more)))

    def _assume(self, role: Mapping[str, Any]) -> None:
        wanted = {
            **_wanted(role),
            "ExternalId": role.get("externalId"),
            "Tags": [{"Key": key, "Value": value} for key, value in (role.get("tags") or {}).items()],
            "TransitiveTagKeys": role.get("transitiveTagKeys"),
            "SourceIdentity": role.get("sourceIdentity"),
        }
        self._become(self.client("sts").assume_role(**{key: value for key, value in wanted.items() if value}))

    def _assume_by_token(self, role: Mapping[str, Any]) -> None:
        file = role.get("webIdentityTokenFile")
        token = role.get("webIdentityToken") or Path(file or "").expanduser().read_text(encoding="utf-8").strip()
        wanted = {**_wanted(role), "WebIdentityToken": token}
        sts = self.client("sts", signature_version=UNSIGNED)
        self._become(sts.assume_role_with_web_identity(**{key: value for key, value in wanted.items() if value}))

    def _become(self, answer: Mapping[str, Any]) -> None:
        given = answer["Credentials"]
        self._session = boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=self._region,
        )


def _wanted(role: Mapping[str, Any]) -> dict[str, Any]:
    """What both ways to take a role on have in common."""
    return {
        "RoleArn": role["roleArn"],
        "RoleSessionName": role.get("sessionName") or _SESSION_NAME,
        "Policy": role.get("policy"),
        "PolicyArns": [{"arn": arn} for arn in role.get("policyArns") or []],
    }


def _with_files(get: Get) -> botocore.session.Session:
    """A session that reads the stack's own files of credentials and profiles, if it names some (boto3 takes one)."""
    session = botocore.session.Session()
    for key, variable in (("aws:sharedCredentialsFiles", "credentials_file"), ("aws:sharedConfigFiles", "config_file")):
        files = _parsed(get(key))
        if files:
            session.set_config_variable(variable, files[0])
    return session


def _parsed(value: Any) -> Any:
    """Objects, lists and switches of a stack's configuration arrive as JSON text."""
    return json.loads(value) if isinstance(value, str) and value else value


def _endpoints(value: Any) -> dict[str, str]:
    """The provider takes a list of objects {service: URL}, or one object."""
    parts = value if isinstance(value, list) else [value] if value else []
    return {service: url for part in parts for service, url in part.items() if url}
