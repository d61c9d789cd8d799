"""The keys `aws`, `gcp` and `azure`: the user's own rights on a cloud, which a node's code gets there.

A node's code has no rights of its own by default. Each key names what the user has created in the cloud: managed
policies on AWS, a service account on Google Cloud, a user-assigned identity on Azure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from nodefile.clouds import REGIONS
from nodefile.fields import TEXT, read_text
from nodefile.mistakes import Mistake, Mistakes, read_items
from nodefile.problems import did_you_mean, format_value

_ARN = re.compile(r"arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy/[\w+=,.@/-]+")
_EMAIL = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z][a-z0-9.-]*[a-z0-9]\.iam\.gserviceaccount\.com")
_DEFAULT_ACCOUNT = re.compile(r"[0-9]+-compute@developer\.gserviceaccount\.com|.*@appspot\.gserviceaccount\.com")
_IDENTITY = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\.ManagedIdentity/"
    r"userAssignedIdentities/[\w-]+",
    re.IGNORECASE,
)


def _describe(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}


AWS = _describe("job-policy-arns", {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True})
GCP = _describe("job-service-account", TEXT)
AZURE = _describe("job-identity", TEXT)


def read_aws(value: Any) -> tuple[str, ...]:
    """Return the ARNs of the managed policies."""
    return _read(value, "job-policy-arns", _read_arns, "[arn:aws:iam::123456789012:policy/read-my-bucket]")


def read_gcp(value: Any) -> tuple[str, ...]:
    """Return the email address of the service account."""
    return _read(value, "job-service-account", _read_account, "my-model@my-project.iam.gserviceaccount.com")


def read_azure(value: Any) -> tuple[str, ...]:
    """Return the resource id of the user-assigned identity."""
    return _read(value, "job-identity", _read_identity, "/subscriptions/.../userAssignedIdentities/my-model")


def _read(value: Any, name: str, read: Callable[[Any], tuple[str, ...]], example: str) -> tuple[str, ...]:
    if not isinstance(value, dict):
        raise ValueError(f"expected {{{name}: {example}}}, got {format_value(value)}.")
    for key in value:
        if key != name:
            error = ValueError(f'there is no key "{key}"; expected {name}.{did_you_mean(key, [name])}')
            raise Mistakes([Mistake(key, error, at_key=True)])
    if name not in value:
        raise ValueError(f"{name} is missing; expected {{{name}: {example}}}.")
    try:
        return read(value[name])
    except ValueError as error:
        raise Mistakes([Mistake(name, error)]) from None


def _read_arns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"expected a list of at least one managed policy's ARN, got {format_value(value)}.")
    return tuple(dict.fromkeys(read_items(value, _read_arn)))


def _read_arn(value: Any) -> str:
    arn = read_text(value)
    if not _ARN.fullmatch(arn):
        raise ValueError(
            f"{format_value(arn)} is not the ARN of a managed policy; expected one such as "
            "arn:aws:iam::123456789012:policy/read-my-bucket."
        )
    return arn


def _read_account(value: Any) -> tuple[str, ...]:
    email = read_text(value)
    if _DEFAULT_ACCOUNT.fullmatch(email):
        raise ValueError(
            f"{email} is a default service account, which may often change everything in its project; create an "
            "account for the model and grant it what the model needs."
        )
    if not _EMAIL.fullmatch(email):
        raise ValueError(
            f"{format_value(email)} is not the address of a service account; expected one such as "
            "my-model@my-project.iam.gserviceaccount.com."
        )
    return (email,)


def _read_identity(value: Any) -> tuple[str, ...]:
    identity = read_text(value)
    if not _IDENTITY.fullmatch(identity):
        raise ValueError(
            f"{format_value(identity)} is not the id of a user-assigned identity; expected /subscriptions/ID/"
            "resourceGroups/GROUP/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME "
            "(`az identity show --query id` prints it)."
        )
    return (identity,)


def _list_unused(values: Mapping[str, Any]) -> list[str]:
    """Return the clouds on which an entry's node does not run; it may have a rescue on a second one."""
    used = values.get("cloud"), getattr(values.get("rescue"), "cloud", None)
    return [cloud for cloud in REGIONS if cloud not in used]


def select_rights(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry's values without the rights on other clouds, which `defaults` may contain."""
    return {name: value for name, value in values.items() if name not in _list_unused(values)}


def check_cloud(values: Mapping[str, Any], own: object) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for each key of the node's own entry (`own`, a mapping or a mistake) for another cloud."""
    for cloud in _list_unused(values):
        if isinstance(own, Mapping) and cloud in own and "cloud" in values:
            yield cloud, f"the node runs on {values['cloud']}, where these rights have no effect; remove `{cloud}`."


def check_defaults(defaults: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for each key of `defaults` that is for a cloud on which no node runs."""
    unused = set(REGIONS).intersection(*(_list_unused(values) for values in entries))
    for cloud in sorted(unused & defaults.keys()):
        yield cloud, f"no node runs on {cloud}, so these rights have no effect; remove `{cloud}`."
