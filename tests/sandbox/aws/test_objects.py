"""S3 with boto3: permissions, the conditional creation that claims need, and listing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from providers.aws import roles
from sandbox.aws import s3
from sandbox.cloud import CloudError, Resource
from tests.sandbox.aws.cloud import Aws


class Claims:
    """A bucket, and a trigger's role with the same permissions as in the program."""

    def __init__(self, aws: Aws) -> None:
        self.aws, self.bucket = aws, aws.bucket()
        policy = roles.build_trigger_policy(
            "arn:aws:logs:x", self.bucket["arn"], "arn:aws:batch:d", ["arn:aws:batch:q"]
        )
        self.role = aws.role("trigger", "lambda.amazonaws.com", policy)
        self.s3 = aws.client("s3", self.role)

    def put(self, key: str, **more: Any) -> Any:
        return self.s3.put_object(Bucket=self.bucket.id, Key=key, Body=b"body", **more)


@pytest.fixture
def claims(aws: Aws) -> Claims:
    return Claims(aws)


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response: dict[str, Any] = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_claim_is_created_once_listed_and_read(claims: Claims) -> None:
    claims.put("claims/alpha/r/1.claim", IfNoneMatch="*")
    with pytest.raises(ClientError) as error:
        claims.put("claims/alpha/r/1.claim", IfNoneMatch="*")
    assert code(error) == ("PreconditionFailed", 412)
    listing = claims.s3.list_objects_v2(Bucket=claims.bucket.id, Prefix="claims/alpha/r/")
    assert [item["Key"] for item in listing["Contents"]] == ["claims/alpha/r/1.claim"]
    assert claims.s3.get_object(Bucket=claims.bucket.id, Key="claims/alpha/r/1.claim")["Body"].read() == b"body"


def test_without_the_condition_nothing_is_written(claims: Claims) -> None:
    with pytest.raises(ClientError) as error:
        claims.put("claims/alpha/r/1.claim")
    assert code(error) == ("AccessDenied", 403)


def test_the_table_is_listed_with_times_and_not_written(claims: Claims) -> None:
    first, second = f"table/{'m' * 36}/alpha", "table/n/beta"
    row = claims.aws.make(s3.OBJECT, "alpha", bucket=claims.bucket.id, key=first)
    claims.aws.make(s3.OBJECT, "beta", bucket=claims.bucket.id, key=second)
    listing = claims.s3.list_objects_v2(Bucket=claims.bucket.id, Prefix="table/")["Contents"]
    assert [(item["Key"], item["Size"]) for item in listing] == [(first, 0), (second, 0)]
    assert all(abs((datetime.now(UTC) - item["LastModified"]).total_seconds()) < 60 for item in listing)
    refused: tuple[Callable[[], Any], ...] = (
        lambda: claims.put("table/m/gamma", IfNoneMatch="*"),
        lambda: claims.s3.get_object(Bucket=claims.bucket.id, Key=second),
        lambda: claims.s3.delete_object(Bucket=claims.bucket.id, Key=second),
    )
    for call in refused:
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == ("AccessDenied", 403)
    claims.aws.remove(row)
    listing = claims.s3.list_objects_v2(Bucket=claims.bucket.id, Prefix="table/")["Contents"]
    assert [item["Key"] for item in listing] == [second]


@pytest.mark.parametrize(
    ("inputs", "sentence"), [({"key": "k" * 1025}, "too long"), ({"bucket": "none"}, "there is no")]
)
def test_objects_that_s3_refuses(claims: Claims, inputs: dict[str, str], sentence: str) -> None:
    with pytest.raises(CloudError, match=sentence):
        claims.aws.make(s3.OBJECT, "x", **{"bucket": claims.bucket.id, "key": "k", **inputs})


@pytest.mark.parametrize("key", ["claim/alpha/r/1.claim", "claimsx/1.claim", "source/alpha/x"])
def test_what_belongs_to_others(claims: Claims, key: str) -> None:
    claims.aws.cloud.kernel.store.put_blob(f"aws/{claims.bucket.id}", key, b"theirs")
    prefix = key.rsplit("/", 1)[0] + "/"
    refused: tuple[Callable[[], Any], ...] = (
        lambda: claims.put(key + "2", IfNoneMatch="*"),
        lambda: claims.s3.get_object(Bucket=claims.bucket.id, Key=key),
        lambda: claims.s3.list_objects_v2(Bucket=claims.bucket.id, Prefix=prefix),
        lambda: claims.s3.list_objects_v2(Bucket=claims.bucket.id),
        lambda: claims.s3.delete_object(Bucket=claims.bucket.id, Key="claims/alpha/r/1.claim"),
    )
    for call in refused:
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == ("AccessDenied", 403)


def test_no_grant_no_access(claims: Claims) -> None:
    claims.aws.remove(claims.aws.policy(claims.role))
    with pytest.raises(ClientError) as error:
        claims.put("claims/alpha/r/1.claim", IfNoneMatch="*")
    assert code(error) == ("AccessDenied", 403)


def test_long_lists_come_in_pages(claims: Claims) -> None:
    for number in range(5):
        claims.put(f"claims/alpha/r/{number}", IfNoneMatch="*")
    pages = claims.s3.get_paginator("list_objects_v2").paginate(
        Bucket=claims.bucket.id, Prefix="claims/alpha/", PaginationConfig={"PageSize": 2}
    )
    sizes = [len(page["Contents"]) for page in pages]
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_both_ways_to_name_a_bucket(claims: Claims, style: str) -> None:
    s3 = claims.aws.client("s3", claims.role, s3={"addressing_style": style})
    s3.put_object(Bucket=claims.bucket.id, Key="claims/alpha/a b+c", Body=b"1", IfNoneMatch="*")
    assert s3.get_object(Bucket=claims.bucket.id, Key="claims/alpha/a b+c")["Body"].read() == b"1"


def test_the_deployer_may_do_everything_and_nobody_may_do_nothing(claims: Claims) -> None:
    claims.aws.client("s3").put_object(Bucket=claims.bucket.id, Key="source/x", Body=b"1")
    forged = claims.aws.client("s3", claims.role)
    claims.aws.cloud.access.end(forged._request_signer._credentials.access_key)
    with pytest.raises(ClientError) as error:
        forged.get_object(Bucket=claims.bucket.id, Key="source/x")
    assert code(error)[1] == 403


def test_a_bucket_goes_with_its_objects_only_when_it_was_made_so(aws: Aws) -> None:
    kept = aws.make("aws:s3/bucket:Bucket", "kept")
    aws.client("s3").put_object(Bucket=kept.id, Key="x", Body=b"1")
    with pytest.raises(CloudError, match="BucketNotEmpty"):
        aws.remove(kept)
    aws.remove(aws.change(kept, forceDestroy=True))
    gone: Resource | None = aws.cloud.find("aws:s3/bucket:Bucket")
    assert gone is None


@pytest.mark.parametrize("name", ["Upper", "under_score", "ab", "a..b", "sthree-x"])
def test_names_that_a_bucket_cannot_have(aws: Aws, name: str) -> None:
    with pytest.raises(CloudError, match="cannot name"):
        aws.make("aws:s3/bucket:Bucket", "x", bucket=name)
