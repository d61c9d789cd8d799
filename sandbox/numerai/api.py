"""GraphQL: executes documents against the methods of `queries.Query` and `mutations.Mutation`.

Numerai's server (Absinthe) accepts names in camelCase and in snake_case, and answers with the name that was sent;
numerapi uses both. The module therefore converts a document's names to camelCase and keeps the original spelling as an
alias.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    NameNode,
    Visitor,
    build_schema,
    execute_sync,
    parse,
    validate,
    visit,
)

from sandbox.numerai.accounts import Caller, Refused

_SCHEMA = Path(__file__).with_name("schema.graphql")


def camel(name: str) -> str:
    """Convert `return_1_day` to `return1Day`; names of GraphQL itself (`__typename`) are not changed."""
    if name.startswith("__"):
        return name
    return re.sub(r"(?<=.)_+([A-Za-z0-9])", lambda match: match[1].upper(), name)


def snake(name: str) -> str:
    """Convert `v3UserProfile` to `v3_user_profile`, and `return1Day` to `return1_day`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class _ToCamel(Visitor):
    """Renames the fields and arguments of a document."""

    @staticmethod
    def enter_field(node: FieldNode, *_: Any) -> FieldNode | None:
        name = camel(node.name.value)
        if name == node.name.value:
            return None
        return FieldNode(
            name=NameNode(value=name, loc=node.name.loc),
            alias=node.alias or node.name,
            arguments=node.arguments,
            directives=node.directives,
            selection_set=node.selection_set,
            loc=node.loc,
        )

    @staticmethod
    def enter_argument(node: ArgumentNode, *_: Any) -> ArgumentNode | None:
        name = camel(node.name.value)
        if name == node.name.value:
            return None
        return ArgumentNode(name=NameNode(value=name, loc=node.name.loc), value=node.value, loc=node.loc)


@cache
def schema() -> GraphQLSchema:
    """Return the schema; Python methods get its arguments in snake_case."""
    built = build_schema(_SCHEMA.read_text(encoding="utf-8"))
    for kind in (built.query_type, built.mutation_type):
        assert isinstance(kind, GraphQLObjectType)
        for field in kind.fields.values():
            for name, argument in field.args.items():
                argument.out_name = snake(name)
    return built


def document(text: str) -> DocumentNode:
    """Parse a document and convert its names to camelCase. Raises GraphQLError if the text is not GraphQL."""
    renamed = visit(parse(text), _ToCamel())
    assert isinstance(renamed, DocumentNode)
    return renamed


def _resolve(source: Any, info: GraphQLResolveInfo[Any], /, **arguments: Any) -> Any:
    """Return a property of a mapping, or call the root object's method that has the field's name."""
    name = snake(info.field_name)
    if isinstance(source, Mapping):
        return source.get(name)
    method = getattr(source, name, None)
    if method is None:
        raise GraphQLError(f"The sandbox's Numerai does not support {info.field_name}; use the real API for it.")
    try:
        return method(info.context, **arguments)
    except Refused as refusal:
        raise GraphQLError(str(refusal)) from refusal


class _Root:
    """Query and Mutation in one object, because an operation has one root value."""

    def __init__(self, *parts: object) -> None:
        self._parts = parts

    def __getattr__(self, name: str) -> Any:
        for part in self._parts:
            if (method := getattr(part, name, None)) is not None:
                return method
        raise AttributeError(name)


class Api:
    """Answers GraphQL requests."""

    def __init__(self, query: object, mutation: object) -> None:
        self._root = _Root(query, mutation)

    def answer(self, text: str, variables: dict[str, Any] | None, caller: Caller | None) -> dict[str, Any]:
        """Answer a request with the body of the response: `data`, and `errors` if there are any."""
        try:
            query = document(text)
        except GraphQLError as error:
            return {"errors": [error.formatted]}
        if problems := validate(schema(), query):
            return {"errors": [problem.formatted for problem in problems]}
        result = execute_sync(
            schema(), query, root_value=self._root, context_value=caller, variable_values=variables,
            field_resolver=_resolve,
        )  # fmt: skip
        return dict(result.formatted)
