"""Creates boto3 clients with the settings of the stack's AWS provider, for calls that no resource makes.

The settings come from the stack's configuration (aws:profile, aws:accessKey, aws:assumeRoles, aws:endpoints, ...). The
rest is left to boto3's defaults, which read the same environment variables and files as the provider.
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
from botocore.loaders import Loader

Get = Callable[[str], Any]
_SESSION_NAME = "prediction-nodes"
# Services with other names in the provider: boto3's name -> the provider's names.
_PROVIDER_NAMES = {"logs": ("logs", "cloudwatchlogs", "cloudwatchlog")}
# Descriptions of the services by their folders. They load slowly, so that all sessions share them.
_LOADERS: dict[tuple[str, ...], Loader] = {}


class Session:
    """Creates clients in one region with the stack's identity and endpoints."""

    def __init__(self, get: Get, region: str) -> None:
        self._region = region
        self._endpoints = _read_endpoints(_parse(get("aws:endpoints")))
        self._config = Config(
            retries={"mode": "standard", "max_attempts": 6},
            s3={"addressing_style": "path"} if _parse(get("aws:s3UsePathStyle")) else None,
            use_fips_endpoint=_parse(get("aws:useFipsEndpoint")),
            use_dualstack_endpoint=_parse(get("aws:useDualstackEndpoint")),
        )
        self._session = _create_session(
            _create_base_session(get),
            aws_access_key_id=get("aws:accessKey") or None,
            aws_secret_access_key=get("aws:secretKey") or None,
            aws_session_token=get("aws:token") or None,
            profile_name=get("aws:profile") or None,
            region_name=region,
        )
        web = _parse(get("aws:assumeRoleWithWebIdentity"))
        if web:
            self._assume_by_token(web)
        single = _parse(get("aws:assumeRole"))
        for role in [*(_parse(get("aws:assumeRoles")) or []), *([single] if single else [])]:
            self._assume(role)

    def client(self, service: str, **options: Any) -> Any:
        """Create a client of a service, given by boto3's name. `options` are those of botocore's Config."""
        names = _PROVIDER_NAMES.get(service, (service,))
        endpoint = next((self._endpoints[name] for name in names if name in self._endpoints), None)
        return self._session.client(service, endpoint_url=endpoint, config=self._config.merge(Config(**options)))

    def _assume(self, role: Mapping[str, Any]) -> None:
        arguments = {
            **_build_role_arguments(role),
            "ExternalId": role.get("externalId"),
            "Tags": [{"Key": key, "Value": value} for key, value in (role.get("tags") or {}).items()],
            "TransitiveTagKeys": role.get("transitiveTagKeys"),
            "SourceIdentity": role.get("sourceIdentity"),
        }
        self._use(self.client("sts").assume_role(**{key: value for key, value in arguments.items() if value}))

    def _assume_by_token(self, role: Mapping[str, Any]) -> None:
        file = role.get("webIdentityTokenFile")
        token = role.get("webIdentityToken") or Path(file or "").expanduser().read_text(encoding="utf-8").strip()
        arguments = {**_build_role_arguments(role), "WebIdentityToken": token}
        sts = self.client("sts", signature_version=UNSIGNED)
        self._use(sts.assume_role_with_web_identity(**{key: value for key, value in arguments.items() if value}))

    def _use(self, answer: Mapping[str, Any]) -> None:
        credentials = answer["Credentials"]
        self._session = _create_session(
            botocore.session.Session(),
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=self._region,
        )


def _build_role_arguments(role: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that both calls for assuming a role share."""
    return {
        "RoleArn": role["roleArn"],
        "RoleSessionName": role.get("sessionName") or _SESSION_NAME,
        "Policy": role.get("policy"),
        "PolicyArns": [{"arn": arn} for arn in role.get("policyArns") or []],
    }


def _create_base_session(get: Get) -> botocore.session.Session:
    """Return a session that reads the stack's credentials and profile files. boto3 supports only the first of each."""
    session = botocore.session.Session()
    for key, variable in (("aws:sharedCredentialsFiles", "credentials_file"), ("aws:sharedConfigFiles", "config_file")):
        files = _parse(get(key))
        if files:
            session.set_config_variable(variable, files[0])
    return session


def _create_session(base: botocore.session.Session, **arguments: str | None) -> boto3.Session:
    session = boto3.Session(botocore_session=base, **arguments)
    loader = base.get_component("data_loader")
    base.register_component("data_loader", _LOADERS.setdefault(tuple(loader.search_paths), loader))
    return session


def _parse(value: Any) -> Any:
    """Parse a setting: objects, lists and booleans of a stack's configuration are JSON text."""
    return json.loads(value) if isinstance(value, str) and value else value


def _read_endpoints(value: Any) -> dict[str, str]:
    """Return URLs by service. Like the provider, accept a list of objects {service: URL} or a single object."""
    parts = value if isinstance(value, list) else [value] if value else []
    return {service: url for part in parts for service, url in part.items() if url}
