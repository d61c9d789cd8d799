"""The trigger on AWS Lambda: the function URL's requests and the scheduler's events.

Uses only the standard library: importing boto3 takes longer than everything else that a cold start does. Table and
claims are objects in the region's bucket, the cluster is Batch.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from xml.etree import ElementTree

from trigger.calls import Request, Response
from trigger.core import Trigger
from trigger.http_call import PAUSES, START_TIMEOUT, Answer, call, call_until_answered
from trigger.starts import StartError
from trigger.table import Row, StoreError

if TYPE_CHECKING:
    from trigger.alerts import Alerts
    from trigger.aws_watch import Secrets
    from trigger.watch import Watch

_TABLE, _CLAIMS = "table/", "claims/"
_S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class Signer(NamedTuple):
    """Signs requests to one service with AWS's signature version 4."""

    service: str
    region: str
    key_id: str
    secret: str
    token: str = ""

    @staticmethod
    def read_environment(service: str) -> Signer:
        """Return a signer with the credentials and the region that Lambda gives to a function."""
        region, key_id = os.environ["AWS_REGION"], os.environ["AWS_ACCESS_KEY_ID"]
        secret, token = os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN", "")
        return Signer(service, region, key_id, secret, token)

    def locate(self, bucket: str = "") -> str:
        """Return the base URL of the service, or of a bucket."""
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"https://{f'{bucket}.' if bucket else ''}{self.service}.{self.region}.{suffix}"

    def sign(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float | None = None
    ) -> dict[str, str]:
        """Return the headers with the signature.

        The names of `headers` are lower-case, and all of them are signed. The URL's path and query are encoded, and the
        query is sorted. Services other than S3 encode a path again, so for them it may only have plain characters.
        """
        parts = urlsplit(url)
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
        digest = hashlib.sha256(body or b"").hexdigest()
        headers = {**headers, "x-amz-content-sha256": digest, "x-amz-date": at}
        if self.token:
            headers["x-amz-security-token"] = self.token
        signed = sorted({**headers, "host": parts.netloc}.items())
        names = ";".join(name for name, _ in signed)
        lines = [f"{name}:{value}" for name, value in signed]
        canonical = "\n".join([method, parts.path or "/", parts.query, *lines, "", names, digest])
        scope = f"{at[:8]}/{self.region}/{self.service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = f"AWS4{self.secret}".encode()
        for part in (*scope.split("/"), text):
            signature = hmac.digest(signature, part.encode(), "sha256")
        credential = f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}"
        headers["authorization"] = f"{credential}, SignedHeaders={names}, Signature={signature.hex()}"
        return headers


class S3Store:
    """The table as names of objects below `table/`, and the claims as objects below `claims/`."""

    def __init__(self, bucket: str, signer: Signer, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url, self._signer, self._sleep = signer.locate(bucket), signer, sleep

    def read_rows(self) -> list[Row]:
        """ListObjectsV2; of a model's rows, the newest is the last."""
        objects = sorted(self._list(_TABLE, "the table could not be read"), key=lambda item: item[1])
        rows = (Row.read_key(key.removeprefix(_TABLE)) for key, _ in objects)
        return [row for row in rows if row is not None]

    def create(self, key: str, body: bytes) -> bool:
        """PutObject with If-None-Match: *. After a 409 (another creation is under way), a repeat shows the result."""
        headers, repeated = {"content-type": "application/json", "if-none-match": "*"}, False
        for pause in (*PAUSES, None):
            answer = self._call("PUT", quote(_CLAIMS + key), body, headers)
            repeated = repeated or answer.repeated
            if answer.status == 200:
                return True
            if answer.status == 412:
                return repeated and self.read(key) == body
            if answer.status != 409 or pause is None:
                break
            repeated = True
            self._sleep(pause)
        raise StoreError(f"the claim could not be written: {answer.status} {answer.reason()}")

    def list(self, prefix: str) -> list[str]:
        """ListObjectsV2."""
        objects = self._list(_CLAIMS + prefix, "the claims could not be listed")
        return [key.removeprefix(_CLAIMS) for key, _ in objects]

    def read(self, key: str) -> bytes:
        """GetObject."""
        answer = self._call("GET", quote(_CLAIMS + key))
        if answer.status != 200:
            raise StoreError(f"the claim could not be read: {answer.status} {answer.reason()}")
        return answer.body

    def _list(self, prefix: str, problem: str) -> Iterator[tuple[str, str]]:
        """Yield key and time of the objects, page by page."""
        query = {"list-type": "2", "prefix": prefix}
        while True:
            answer = self._call("GET", f"?{urlencode(sorted(query.items()), quote_via=quote)}")
            if answer.status != 200:
                raise StoreError(f"{problem}: {answer.status} {answer.reason()}")
            page = ElementTree.fromstring(answer.body)  # noqa: S314 - S3's own answer
            for item in page.iter(f"{_S3}Contents"):
                yield item.findtext(f"{_S3}Key", ""), item.findtext(f"{_S3}LastModified", "")
            following = page.findtext(f"{_S3}NextContinuationToken")
            if not following:
                return
            query["continuation-token"] = following

    def _call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        url = f"{self._url}/{path}"
        try:
            return call_until_answered(method, url, self._signer.sign(method, url, headers or {}, body), body)
        except OSError as error:
            raise StoreError(f"S3 did not answer: {error}") from error


class Batch:
    """Starts jobs by the name of their definition, which stands for its newest revision."""

    def __init__(self, signer: Signer) -> None:
        self._url, self._signer = f"{signer.locate()}/v1", signer

    def start(self, row: Row, run_name: str, env: Mapping[str, str]) -> str:
        """SubmitJob; the variables are added to those of the definition. It knows no idempotent start."""
        overrides = {"environment": [{"name": name, "value": value} for name, value in env.items()]}
        request = {"jobName": run_name, "jobQueue": row.queue, "jobDefinition": row.job}
        url, headers, body = self._prepare("submitjob", {**request, "containerOverrides": overrides})
        try:
            answer = call("POST", url, headers, body, START_TIMEOUT)
        except OSError as error:
            raise StartError(f"Batch did not answer: {error}", unclear=True) from error
        if answer.status != 200:
            reason = f"Batch did not take the job: {answer.status} {answer.reason()}"
            raise StartError(reason, unclear=answer.unclear, busy=answer.busy)
        try:
            return str(json.loads(answer.body)["jobId"])
        except (ValueError, KeyError, TypeError) as error:
            raise StartError("Batch's answer has no job id", unclear=True) from error

    def find(self, row: Row, run_id: str) -> str | None:
        """ListJobs by name. The queue also has jobs of other nodes, and Batch ignores the case of names."""
        name = re.compile(re.escape(run_id) + r"-\d+")
        query: dict[str, Any] = {"jobQueue": row.queue, "filters": [{"name": "JOB_NAME", "values": [f"{run_id}-*"]}]}
        while True:
            page = self.list_jobs(query)
            for job in page["jobSummaryList"]:
                definition = job["jobDefinition"].rsplit("/", 1)[-1].partition(":")[0]
                if definition == row.job and name.fullmatch(job["jobName"]):
                    return str(job["jobId"])
            if not page.get("nextToken"):
                return None
            query["nextToken"] = page["nextToken"]

    def list_jobs(self, query: dict[str, Any]) -> dict[str, Any]:
        """Return a page of ListJobs. Raises StartError."""
        try:
            answer = call_until_answered("POST", *self._prepare("listjobs", query))
        except OSError as error:
            raise StartError(f"Batch did not answer: {error}") from error
        if answer.status != 200:
            raise StartError(f"the jobs could not be listed: {answer.status} {answer.reason()}")
        page: dict[str, Any] = json.loads(answer.body)
        return page

    def _prepare(self, operation: str, request: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
        """Return URL, headers and body of a request."""
        url, body = f"{self._url}/{operation}", json.dumps(request).encode()
        return url, self._signer.sign("POST", url, {"content-type": "application/json"}, body), body


@cache
def _trigger() -> Trigger:
    store = S3Store(os.environ["BUCKET"], Signer.read_environment("s3"))
    batch, package = Batch(Signer.read_environment("batch")), os.environ["PACKAGE"]
    return Trigger(store, batch, package, send_test=lambda row: _open_alerts().send_test(row))


# The modules of the watch and of alerts are imported late, because a webhook's cold start does not need them.
@cache
def _open_secrets() -> Secrets:
    from trigger import aws_watch

    return aws_watch.Secrets(Signer.read_environment("secretsmanager"))


@cache
def _open_watch() -> Watch:
    from trigger import aws_watch
    from trigger.watch import build_watch

    return build_watch(
        _trigger(), aws_watch.Runs(Batch(Signer.read_environment("batch"))), _open_secrets().read_keys, _open_alerts
    )


@cache
def _open_alerts() -> Alerts:
    from trigger.aws_alerts import build_alerts

    return build_alerts(_trigger(), Signer.read_environment, _open_secrets().read)


def read_request(event: dict[str, Any]) -> Request:
    """Return the request to the function's URL (payload format 2.0)."""
    body = event.get("body") or ""
    return Request(
        method=event["requestContext"]["http"]["method"],
        path=unquote(event.get("rawPath") or "/"),
        query=dict(parse_qsl(event.get("rawQueryString") or "")),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
    )


def handler(event: dict[str, Any], _context: object = None) -> dict[str, Any] | None:
    """Answer a call by Lambda. Only the scheduler's role can send an event of another form than the URL's."""
    if "requestContext" not in event and event.get("source") == "watch":
        _open_watch().run_pass()
        return None
    if "requestContext" not in event and event.get("source") == "schedule":
        _raise_failure(_trigger().run_schedule(str(event["model_id"]), str(event["time"])))
        return None
    request = read_request(event)
    response = (_open_watch() if request.is_question else _trigger()).answer(request)
    return {
        "statusCode": response.status,
        "headers": {"content-type": "application/json"},
        "body": response.json(),
    }


def _raise_failure(response: Response) -> None:
    # After an error, Lambda calls again minutes later. The run's claims allow a repeat if the start failed.
    if response.status >= 500:
        raise RuntimeError(str(response.body.get("reason", "the run was not started")))


def _prepare() -> None:
    """Read the table while the process starts, when Lambda gives it more of a processor than during a call."""
    try:
        _trigger().list_rows()
    except StoreError:
        _trigger.cache_clear()  # so that the first call reads the table at once


if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
    _prepare()
