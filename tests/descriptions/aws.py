"""AWS's service models, as botocore ships them, and its check of parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import botocore.loaders
import botocore.model
import botocore.validate

from tests.descriptions.sent import Sent, Verdict

SERVICES = {"batch": "batch", "codebuild": "codebuild", "api.ecr": "ecr", "lambda": "lambda", "logs": "logs"}
SERVICES |= {"secretsmanager": "secretsmanager", "servicequotas": "service-quotas", "sns": "sns", "sts": "sts"}
"""The beginning of a host -> the model's name. S3's hosts begin with a bucket's name."""
_S3 = re.compile(r"(?:(?P<bucket>[a-z0-9.-]+)\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(\.cn)?")
# Those of the signature, of HTTP, and of botocore itself.
_COMMON = re.compile(
    r"x-amz-(date|content-sha256|security-token|target|user-agent|decoded-content-length|trailer|sdk-\w+)"
    r"|amz-sdk-.*|content-type|authorization|host|user-agent|accept.*|connection|content-length|content-encoding|expect"
    r"|x-amz-checksum-.*|x-amz-sdk-.*|transfer-encoding"
)


def check(sent: Sent) -> Verdict | None:
    """Compare a request with the model of its host. None if the host is another one."""
    s3 = _S3.fullmatch(sent.host)
    if s3:
        return _check_s3(sent, s3["bucket"])
    service = SERVICES.get(sent.host.rpartition(".amazonaws.com")[0].rpartition(".")[0])
    if service is None:
        return None
    model = _read(service)
    name = _find_operation(sent, model)
    if name is None:
        return Verdict("", [f"no operation of {service} has {sent.method} {sent.path}"])
    operation = model.operation_model(name)
    return Verdict(f"{service}:{name}", list(_check_body(sent, operation)))


@cache
def _read(service: str) -> botocore.model.ServiceModel:
    return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(service, "service-2"), service)


def _find_operation(sent: Sent, model: botocore.model.ServiceModel) -> str | None:
    target = sent.headers.get("x-amz-target", "")
    if target:
        prefix, _, name = target.rpartition(".")
        return name if prefix == model.metadata["targetPrefix"] and name in model.operation_names else None
    form = dict(parse_qsl(sent.body.decode())) if "form" in sent.headers.get("content-type", "") else {}
    if "Action" in form:
        return form["Action"] if form["Action"] in model.operation_names else None
    for name in model.operation_names:
        http = model.operation_model(name).http
        if http["method"] == sent.method and http["requestUri"].split("?")[0].rstrip("/") == sent.path.rstrip("/"):
            return str(name)
    return None


def _check_body(sent: Sent, operation: botocore.model.OperationModel) -> Iterator[str]:
    if "form" in sent.headers.get("content-type", ""):
        form = dict(parse_qsl(sent.body.decode()))
        if form["Version"] != operation.service_model.api_version:
            yield f"version {form['Version']}"
        names = {name.partition(".")[0] for name in form} - {"Action", "Version"}
        for name in names - set(operation.input_shape.members if operation.input_shape else ()):
            yield f"unknown parameter {name}"
        return
    yield from _validate(sent.json(), operation.input_shape)
    yield from (f"unknown parameter {name}" for name, _ in sent.query)
    yield from (f"unknown header {name}" for name in sent.headers if not _COMMON.fullmatch(name))


def _validate(parameters: dict[str, Any], shape: Any) -> Iterator[str]:
    """Yield what botocore says about parameters before it sends them."""
    if shape is None:
        yield from (["this operation takes no body"] if parameters else [])
        return
    report = botocore.validate.ParamValidator().validate(parameters, shape)
    if report.has_errors():
        yield from report.generate_report().splitlines()


def _check_s3(sent: Sent, bucket: str | None) -> Verdict:
    model = _read("s3")
    first, _, rest = sent.path[1:].partition("/")
    name, key = (bucket, unquote(sent.path[1:])) if bucket else (first, unquote(rest))
    query = dict(sent.query)
    uri = "/{Bucket}/{Key+}" if key else "/{Bucket}"
    candidates = []
    for operation in map(model.operation_model, model.operation_names):
        http_path, _, fixed = operation.http["requestUri"].partition("?")
        wanted = dict(parse_qsl(fixed, keep_blank_values=True))
        if operation.http["method"] == sent.method and http_path == uri and wanted.items() <= query.items():
            candidates.append((len(wanted), operation, wanted))
    if not candidates:
        return Verdict("", [f"no operation of S3 has {sent.method} {uri}"])
    verdicts = []
    for fixed_count, operation, wanted in candidates:
        problems = list(_compare_s3(sent, operation, {"Bucket": name, **({"Key": key} if key else {})}, wanted))
        verdicts.append((len(problems), -fixed_count, operation.name, problems))
    _, _, found, problems = min(verdicts)
    return Verdict(f"s3:{found}", problems)


def _compare_s3(
    sent: Sent, operation: botocore.model.OperationModel, parameters: dict[str, Any], fixed: dict[str, str]
) -> Iterator[str]:
    members = operation.input_shape.members
    places = {
        (shape.serialization.get("location"), shape.serialization.get("name", "").lower()): (name, shape)
        for name, shape in members.items()
    }
    for name, value in sent.query:
        if name in fixed:
            continue
        place = places.get(("querystring", name.lower()))
        if place is None:
            yield f"unknown parameter {name}"
        else:
            parameters[place[0]] = int(value) if place[1].type_name in ("integer", "long") else value
    for name, value in sent.headers.items():
        place = places.get(("header", name))
        if place is None and not _COMMON.fullmatch(name) and not name.startswith("x-amz-meta-"):
            yield f"unknown header {name}"
        elif place is not None and place[1].type_name == "string":
            parameters[place[0]] = value
    if sent.body and not operation.has_streaming_input:
        yield "this operation takes no body"
    yield from _validate(parameters, operation.input_shape)
