"""IAM: roles, policies, identification of callers by access key, and authorisation."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.aws import signature
from sandbox.aws.calls import Call, Refused
from sandbox.aws.handlers import AwsHandler
from sandbox.cloud import CloudError, Resource
from sandbox.values import UNKNOWN

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
OWN_POLICY = "arn:aws:iam::{}:policy/prediction-nodes-my-model"
"""A policy that the user has created outside of the stack, with the account's id for {}."""
PUBLIC = "aws:function-policies"
"""The kind of documents with the statements of a function's resource-based policy."""
PUBLIC_STATEMENTS = ("FunctionURLAllowPublicAccess", "FunctionURLAllowInvokeAction")
"""The statements that let anybody call a function's URL; both are needed."""
DEPLOYER = "deployer"
"""The deployer: administrator of the account."""
DEPLOYER_KEY, DEPLOYER_SECRET = "AKIASANDBOXDEPLOYER", "sandbox"
"""The deployer's credentials in the sandbox's shell."""


def policy_problem(text: Any, trust: bool = False) -> str | None:
    """Return the problem that IAM finds when a policy document is written, or None."""
    if text == UNKNOWN:
        return None
    try:
        document = json.loads(text)
        statements = document["Statement"]
    except (ValueError, KeyError, TypeError):
        return "contains an invalid JSON policy"
    for statement in statements if isinstance(statements, list) else [statements]:
        if statement.get("Effect") not in ("Allow", "Deny") or not statement.get("Action"):
            return "MalformedPolicyDocument: a statement needs Effect and Action"
        if trust != ("Principal" in statement) or trust == ("Resource" in statement):
            return "MalformedPolicyDocument: a trust policy has a Principal, a permission policy a Resource"
        if not trust and not statement["Resource"]:
            return "MalformedPolicyDocument: a statement needs at least one resource"
    return None


class Role(AwsHandler):
    """Roles; global."""

    service, arn, limit, worldwide = "iam", "role{path}{id}", r"[\w+=,.@-]{1,64}", True

    def __init__(self, cloud: AwsCloud) -> None:
        super().__init__(cloud)
        self.replace_on = frozenset()

    def check(self, inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        problem = policy_problem(inputs.get("assumeRolePolicy"), trust=True)
        if problem:
            yield "assumeRolePolicy", problem

    def add_computed(self, resource: Resource) -> None:
        outputs = resource.outputs
        outputs.setdefault("uniqueId", f"AROA{secrets.token_hex(8).upper()}")
        outputs |= {"maxSessionDuration": outputs.get("maxSessionDuration", 3600), "path": outputs.get("path", "/")}

    def delete(self, resource: Resource) -> None:
        for type_ in (POLICY, ATTACHMENT, PROFILE):
            if self.cloud.find(type_, role=resource.id):
                raise CloudError(
                    f"DeleteConflict: Cannot delete entity, must detach all policies of {resource.id} first"
                )


class RolePolicy(AwsHandler):
    """Inline policies of a role."""

    refers, worldwide = {"role": ROLE}, True

    def __init__(self, cloud: AwsCloud) -> None:
        super().__init__(cloud)
        self.replace_on = frozenset()

    def check(self, inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        problem = policy_problem(inputs.get("policy"))
        if problem:
            yield "policy", problem

    def create(self, resource: Resource) -> None:
        super().create(resource)
        resource.id = f"{resource.inputs['role']}:{resource.inputs['name']}"

    def complete_outputs(self, resource: Resource) -> None:
        if len(re.sub(r"\s", "", resource.inputs["policy"])) > 10240:
            raise CloudError(
                f"LimitExceeded: Maximum policy size of 10240 bytes exceeded for {resource.inputs['role']}"
            )

    def unknown_outputs(self, old_inputs: dict[str, Any], inputs: dict[str, Any]) -> set[str]:
        return set()


class Attachment(AwsHandler):
    """Managed policies of a role."""

    named, refers, worldwide = None, {"role": ROLE}, True

    def create(self, resource: Resource) -> None:
        self.cloud.require(ROLE, resource.inputs["role"])
        arn = resource.inputs["policyArn"]
        if not arn.startswith("arn:aws:iam::aws:policy/") and arn != OWN_POLICY.format(self.cloud.account):
            raise CloudError(f"NoSuchEntity: Policy {arn} does not exist")
        resource.id = f"{resource.inputs['role']}/{resource.inputs['policyArn']}"

    def update(self, _old: Resource, _resource: Resource) -> None:
        return


class Profile(AwsHandler):
    """Instance profiles."""

    service, arn, worldwide, refers = "iam", "instance-profile{path}{id}", True, {"role": ROLE}

    def __init__(self, cloud: AwsCloud) -> None:
        super().__init__(cloud)
        self.replace_on = frozenset()


@dataclass(frozen=True)
class Caller:
    """A caller: the deployer or the role of a session."""

    name: str
    arn: str

    def may_do_everything(self) -> bool:
        """Whether the caller is the deployer, who has all permissions."""
        return self.name == DEPLOYER


class Access:
    """Sessions of roles, and their permissions."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def session(self, role_arn: str, name: str) -> dict[str, str]:
        """Start a session of a role; return its credentials as environment variables."""
        key = f"ASIA{secrets.token_hex(8).upper()}"
        session = {"role": role_arn.rsplit("/", 1)[-1], "name": name}
        session |= {"secret": secrets.token_urlsafe(30), "token": secrets.token_urlsafe(48)}
        self._store.put("aws:sessions", key, session)
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": session["secret"],
            "AWS_SESSION_TOKEN": session["token"],
        }

    def end(self, key: str) -> None:
        """End a session."""
        self._store.delete("aws:sessions", key)

    def caller(self, call: Call) -> Caller:
        """Return the caller that signed a call. Raises Refused."""
        key = signature.key_of(call)
        if key is None:
            raise Refused(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        session = None if key == DEPLOYER_KEY else self._store.get("aws:sessions", key)
        if key != DEPLOYER_KEY and (session is None or session["token"] != call.headers.get("x-amz-security-token")):
            raise Refused(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        if not signature.valid(call, session["secret"] if session else DEPLOYER_SECRET):
            raise Refused(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
            )
        if session is None:
            return Caller(DEPLOYER, f"arn:aws:iam::{self._cloud.account}:user/{DEPLOYER}")
        arn = f"arn:aws:sts::{self._cloud.account}:assumed-role/{session['role']}/{session['name']}"
        return Caller(session["role"], arn)

    def demand(self, caller: Caller, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        """Raise Refused unless the caller is allowed an action on a resource (ARN)."""
        if not self.is_allowed(caller.name, action, resource, context):
            raise Refused(
                403,
                "AccessDeniedException",
                f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource} because no "
                f"identity-based policy allows the {action} action",
            )

    def is_allowed(self, role: str, action: str, resource: str, context: Mapping[str, str] | None = None) -> bool:
        """Return whether a role's policies allow an action on a resource."""
        if role == DEPLOYER:
            return True
        decided = False
        for policy in self._cloud.resources(POLICY):
            if policy["role"] != role:
                continue
            for statement in json.loads(policy["policy"])["Statement"]:
                if applies(statement, action, resource, context or {}):
                    if statement["Effect"] == "Deny":
                        return False
                    decided = True
        return decided

    def is_public(self, function: str) -> bool:
        """Return whether anybody may call a function's URL."""
        policy = self._store.get(PUBLIC, function) or {"statements": []}
        return set(policy["statements"]) == set(PUBLIC_STATEMENTS)

    def assumable(self, role_arn: str, service: str, context: Mapping[str, str] | None = None) -> Resource | None:
        """Return the role if it exists and trusts a service with these condition keys, otherwise None."""
        role = self._cloud.find(ROLE, arn=role_arn)
        if role is None:
            return None
        for statement in json.loads(role["assumeRolePolicy"])["Statement"]:
            trusted = service in as_list(statement["Principal"].get("Service"))
            if trusted and holds(statement.get("Condition"), context or {}):
                return role
        return None

    def must_trust(self, role_arn: str, service: str, context: Mapping[str, str] | None = None) -> None:
        """Raise CloudError unless a service can assume a role."""
        if self.assumable(role_arn, service, context) is None:
            raise CloudError(f"InvalidParameterValueException: The role {role_arn} cannot be assumed by {service}.")


def applies(statement: dict[str, Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Return whether a statement applies to this action, resource and condition keys."""
    return (
        any(matches(pattern.lower(), action.lower()) for pattern in as_list(statement["Action"]))
        and any(matches(pattern, resource) for pattern in as_list(statement["Resource"]))
        and holds(statement.get("Condition"), context)
    )


def holds(condition: dict[str, Any] | None, context: Mapping[str, str]) -> bool:
    """Return whether a condition holds; one that this program does not use never holds."""
    for operator, keys in (condition or {}).items():
        for key, expected in keys.items():
            actual = context.get(key)
            patterns = [str(pattern) for pattern in as_list(expected)]
            if operator == "Null":
                true = (actual is None) == (patterns[0].lower() == "true")
            elif operator in ("StringEquals", "ArnEquals"):
                true = actual is not None and actual in patterns
            elif operator in ("StringLike", "ArnLike"):
                true = actual is not None and any(matches(pattern, actual) for pattern in patterns)
            else:
                return False
            if not true:
                return False
    return True


def matches(pattern: str, text: str) -> bool:
    """Return whether a text matches a pattern with IAM's wildcards * and ?."""
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def as_list(value: Any) -> list[Any]:
    """Return a policy's value, which may be a single value or a list, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
