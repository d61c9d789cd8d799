"""The trigger on AWS Lambda: the function URL's requests and the scheduler's events.

boto3 comes with the runtime. Clients are made once per process and kept across invocations. The claim store is a folder
of an S3 bucket, the cluster a Batch queue.
"""

from __future__ import annotations

import base64
import os
import uuid
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

try:
    from core import ClaimError, Request, Response, Settings, StartError, handle, scheduled
except ImportError:  # in this repository, where the files of the archive are modules of a package
    from trigger.core import ClaimError, Request, Response, Settings, StartError, handle, scheduled

_RETRIED = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
# Batch knows no idempotent start: a start whose answer was lost must not be sent again behind the claim's back.
_ONCE = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1})


def code(error: Exception) -> str:
    """The service's word for an error, or what happened on the way to it."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "unknown"))
    return type(error).__name__


def _sent_again(error: ClientError) -> bool:
    return bool(error.response.get("ResponseMetadata", {}).get("RetryAttempts"))


class S3Claims:
    """Claims as objects below a prefix."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

    def create(self, key: str, body: bytes) -> bool:
        """PutObject with If-None-Match: *. 409 means that another creation was under way: ask again, it decides."""
        claimant = uuid.uuid4().hex
        named = {"Bucket": self._bucket, "Key": self._prefix + key, "Metadata": {"claimant": claimant}}
        for _ in range(3):
            try:
                self._client.put_object(**named, Body=body, IfNoneMatch="*")
                return True
            except ClientError as error:
                if code(error) in ("PreconditionFailed", "412"):
                    # boto3 sent it again because an answer was lost: what is there may well be ours.
                    return _sent_again(error) and self._claimant(key) == claimant
                if code(error) not in ("ConditionalRequestConflict", "409"):
                    raise ClaimError(f"the claim could not be written: {code(error)}") from error
            except BotoCoreError as error:
                raise ClaimError(f"the claim store did not answer: {code(error)}") from error
        raise ClaimError("the claim could not be written: other creations of it were under way each time")

    def _claimant(self, key: str) -> str:
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
            return str(found["Metadata"].get("claimant", ""))
        except (BotoCoreError, ClientError) as error:
            raise ClaimError(f"the claim could not be read: {code(error)}") from error

    def list(self, prefix: str) -> list[str]:
        """ListObjectsV2, page by page."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            return [found["Key"].removeprefix(self._prefix) for page in pages for found in page.get("Contents", [])]
        except (BotoCoreError, ClientError) as error:
            raise ClaimError(f"the claims could not be listed: {code(error)}") from error

    def read(self, key: str) -> bytes:
        """GetObject."""
        try:
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()
            return body
        except (BotoCoreError, ClientError) as error:
            raise ClaimError(f"the claim could not be read: {code(error)}") from error


class BatchJobs:
    """Starts jobs of one definition (by name: its newest revision) in one queue."""

    def __init__(self, client: Any, queue: str, definition: str) -> None:
        self._client, self._queue, self._definition = client, queue, definition

    def start(self, run_name: str, env: dict[str, str]) -> str:
        """SubmitJob; the variables are added to those of the definition."""
        try:
            started = self._client.submit_job(
                jobName=run_name,
                jobQueue=self._queue,
                jobDefinition=self._definition,
                containerOverrides={"environment": [{"name": name, "value": value} for name, value in env.items()]},
            )
        except ClientError as error:
            raise StartError(f"Batch did not take the job: {code(error)}") from error
        except BotoCoreError as error:
            raise StartError(f"Batch did not answer: {code(error)}") from error
        return str(started["jobId"])


@cache
def _parts() -> tuple[Settings, S3Claims, BatchJobs]:
    env = os.environ
    claims = S3Claims(boto3.client("s3", config=_RETRIED), env["CLAIMS_BUCKET"], env["CLAIMS_PREFIX"])
    jobs = BatchJobs(boto3.client("batch", config=_ONCE), env["JOB_QUEUE"], env["JOB_DEFINITION"])
    return Settings.from_env(env), claims, jobs


def request_of(event: dict[str, Any]) -> Request:
    """A request to the function's URL (payload format 2.0)."""
    body = event.get("body") or ""
    return Request(
        method=event["requestContext"]["http"]["method"],
        path=unquote(event.get("rawPath") or "/"),
        query=dict(parse_qsl(event.get("rawQueryString") or "")),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
    )


def handler(event: dict[str, Any], _context: object = None) -> dict[str, Any] | None:
    """Called by Lambda. Only the scheduler's role can send an event of another form than the URL's."""
    if "requestContext" not in event and event.get("source") == "schedule":
        _settled(scheduled(str(event["time"]), *_parts()))
        return None
    response = handle(request_of(event), *_parts())
    return {
        "statusCode": response.status,
        "headers": {"content-type": "application/json"},
        "body": response.json(),
    }


def _settled(response: Response) -> None:
    # Lambda calls again, minutes later, after an error: the run's claim allows that when the start failed.
    if response.status >= 500:
        raise RuntimeError(str(response.body.get("reason", "the run was not started")))


if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
    # While the process starts Lambda gives it more of a processor than during a call.
    _parts()
