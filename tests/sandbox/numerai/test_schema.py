"""The schema contains every query that numerapi can send."""

from __future__ import annotations

import pytest
from graphql import validate

from sandbox.numerai.api import camel, document, schema, snake
from tests.sandbox.numerai.documents import list_documents

# Invalid at Numerai too: GraphQL has no type `bool`.
BROKEN = "releaseStake(drain"


def test_the_queries_are_found() -> None:
    assert len(list(list_documents())) >= 35


@pytest.mark.parametrize("text", [text for text in list_documents() if BROKEN not in text])
def test_each_query_of_the_client_is_valid(text: str) -> None:
    assert [problem.message for problem in validate(schema(), document(text))] == []


def test_a_query_that_numerai_does_not_know_is_invalid() -> None:
    problems = validate(schema(), document("{ account { shoeSize } }"))
    assert "shoeSize" in problems[0].message


@pytest.mark.parametrize(
    ("spelling", "shown"),
    [("create_submission", "createSubmission"), ("return_1_day", "return1Day"), ("__typename", "__typename")],
)
def test_names_go_into_camel_case(spelling: str, shown: str) -> None:
    assert camel(spelling) == shown


@pytest.mark.parametrize(
    ("shown", "name"), [("v3UserProfile", "v3_user_profile"), ("id", "id"), ("modelId", "model_id")]
)
def test_names_go_into_snake_case(shown: str, name: str) -> None:
    assert snake(shown) == name
