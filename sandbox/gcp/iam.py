"""IAM: service accounts, custom roles, members, access tokens and permission checks.

A permission is granted if there is a member resource with the caller, a role that contains the permission, the resource
or its project, and no condition or one that is true. Predefined roles are listed with the permissions that the
sandbox's APIs check.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs

from sandbox.calls import Call, Refused, Reply, reply
from sandbox.cloud import CloudError, Handler, Resource
from sandbox.gcp import organization
from sandbox.gcp.conditions import ConditionError, Facts, holds
from sandbox.values import UNKNOWN

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

ACCOUNT = "gcp:serviceaccount/account:Account"
ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"
OWN_ACCOUNT = "my-model@{}.iam.gserviceaccount.com"
"""A service account that the user has created outside of the stack, with the project's id for {}."""
DEPLOYER = "user:deployer"
METADATA_HOST = "metadata.google.internal"
_TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - a path
_SECONDS = 3599
TOKEN_HOST = "oauth2.googleapis.com"  # noqa: S105 - a host
# The deployer's credentials, in the form that `gcloud auth application-default login` writes; not secret.
PERSON = {
    "type": "authorized_user",
    "client_id": "sandbox.apps.googleusercontent.com",
    "client_secret": "sandbox",
    "refresh_token": "1//sandbox-deployer",
}
PREDEFINED: dict[str, frozenset[str]] = {
    "roles/run.invoker": frozenset({"run.routes.invoke", "run.jobs.run"}),
    "roles/secretmanager.secretAccessor": frozenset({"secretmanager.versions.access"}),
    "roles/storage.objectViewer": frozenset({"storage.objects.get", "storage.objects.list"}),
    "roles/logging.logWriter": frozenset({"logging.logEntries.create"}),
    "roles/artifactregistry.writer": frozenset(
        {"artifactregistry.repositories.uploadArtifacts", "artifactregistry.repositories.downloadArtifacts"}
    ),
}
MEMBERS = {
    "gcp:projects/iAMMember:IAMMember": lambda project, inputs: f"projects/{inputs['project']}",
    "gcp:storage/bucketIAMMember:BucketIAMMember": lambda project, inputs: f"buckets/{inputs['bucket']}",
    "gcp:secretmanager/secretIamMember:SecretIamMember": lambda project, inputs: (
        f"projects/{project}/secrets/{inputs['secretId'].rsplit('/', 1)[-1]}"
    ),
    "gcp:cloudrunv2/jobIamMember:JobIamMember": lambda project, inputs: (
        f"projects/{project}/locations/{inputs['location']}/jobs/{inputs['name']}"
    ),
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": lambda project, inputs: (
        f"projects/{project}/locations/{inputs['location']}/services/{inputs['name']}"
    ),
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": lambda project, inputs: (
        f"projects/{project}/locations/{inputs['location']}/repositories/{inputs['repository']}"
    ),
}


def has_account(cloud: GcpCloud, email: str) -> bool:
    """Return whether a service account exists: one of the stack, or the user's own."""
    return email == OWN_ACCOUNT.format(cloud.project) or cloud.find(ACCOUNT, email=email) is not None


class Account(Handler):
    """Service accounts."""

    autoname = "accountId"

    def __init__(self, cloud: GcpCloud) -> None:
        self.cloud = cloud

    def check(self, inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        id_ = inputs.get("accountId", UNKNOWN)
        if id_ != UNKNOWN and not re.fullmatch(r"(?=.{6,30}$)[a-z](?:[-a-z0-9]*[a-z0-9])", id_):
            yield "accountId", f'"account_id" ("{id_}") must be 6 to 30 lower-case letters, digits and hyphens'

    def create(self, resource: Resource) -> None:
        project = self.cloud.project
        email = f"{resource.inputs['accountId']}@{project}.iam.gserviceaccount.com"
        if self.cloud.find(ACCOUNT, email=email):
            raise CloudError(f"googleapi: Error 409: Service account {resource.inputs['accountId']} already exists")
        resource.id = f"projects/{project}/serviceAccounts/{email}"
        resource.outputs |= {
            "email": email,
            "name": resource.id,
            "member": f"serviceAccount:{email}",
            "uniqueId": str(secrets.randbelow(10**20)),
            "project": project,
        }


class Role(Handler):
    """Custom roles of the project."""

    autoname = "roleId"

    def __init__(self, cloud: GcpCloud) -> None:
        self.cloud = cloud

    def check(self, inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        id_ = inputs.get("roleId", UNKNOWN)
        if id_ != UNKNOWN and not re.fullmatch(r"[a-zA-Z0-9_.]{3,64}", id_):
            yield "roleId", f'"role_id" ("{id_}") must be 3 to 64 letters, digits, underscores and periods'

    def create(self, resource: Resource) -> None:
        resource.id = f"projects/{self.cloud.project}/roles/{resource.inputs['roleId']}"
        if self.cloud.get(ROLE, resource.id):
            raise CloudError(f"Custom project role {resource.id} already exists and must be imported")
        resource.outputs |= {"name": resource.id, "deleted": False, "project": self.cloud.project}


class Member(Handler):
    """One member of one role on one resource; a change of any field replaces it."""

    autoname = None
    _PREFIXES: ClassVar[tuple[str, ...]] = ("serviceAccount:", "user:", "group:", "domain:", "allUsers")

    def __init__(self, cloud: GcpCloud, type_: str) -> None:
        self.cloud, self._type = cloud, type_

    def check(self, inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        member = inputs.get("member", UNKNOWN)
        if member != UNKNOWN and not member.startswith(self._PREFIXES):
            yield "member", f"expected a member with its kind, such as serviceAccount:..., got {member}"

    def create(self, resource: Resource) -> None:
        role, member = resource.inputs["role"], resource.inputs["member"]
        if role not in PREDEFINED and self.cloud.get(ROLE, role) is None:
            raise CloudError(f"googleapi: Error 400: Role {role} is not supported for this resource., badRequest")
        kind, _, email = member.partition(":")
        if kind == "serviceAccount" and not has_account(self.cloud, email):
            raise CloudError(f"googleapi: Error 400: Service account {email} does not exist., badRequest")
        if member == "allUsers" and organization.is_restricted(self.cloud):
            raise CloudError(
                "googleapi: Error 400: One or more users named in the policy do not belong to a permitted customer, "
                "perhaps due to an organization policy., failedPrecondition"
            )
        scope = MEMBERS[self._type](self.cloud.project, resource.inputs)
        if not self.cloud.exists(scope):
            raise CloudError(f"googleapi: Error 404: {scope} was not found, notFound")
        condition = resource.inputs.get("condition")
        if condition:
            try:
                holds(condition["expression"], Facts(scope))
            except ConditionError as error:
                raise CloudError(f"googleapi: Error 400: Invalid condition expression: {error}, badRequest") from error
        resource.id = f"{scope}/{role}/{member}"
        if condition:
            # A member whose condition changes is another one, although the real id has only the title.
            digest = hashlib.sha256(condition["expression"].encode()).hexdigest()[:8]
            resource.id += f"/{condition['title']}-{digest}"
        resource.outputs |= {"etag": secrets.token_hex(6), "scope": scope}


class Access:
    """Decides which permissions a principal has."""

    def __init__(self, cloud: GcpCloud) -> None:
        self._cloud = cloud

    def is_allowed(self, principal: str, permission: str, resource: str, facts: Facts | None = None) -> bool:
        """Return whether a principal (serviceAccount:..., DEPLOYER) has a permission on a resource (its full name)."""
        if principal == DEPLOYER:
            return True
        return any(
            self._grants(member, principal, permission, resource, facts or Facts(resource))
            for type_ in MEMBERS
            for member in self._cloud.resources(type_)
        )

    def require(self, principal: str, permission: str, resource: str, facts: Facts | None = None) -> None:
        """Raise Refused with the service's own message unless a principal has a permission on a resource."""
        if not self.is_allowed(principal, permission, resource, facts):
            raise Refused(
                403,
                "PERMISSION_DENIED",
                f"Permission '{permission}' denied on resource '{resource}' (or it may not exist) for {principal}.",
            )

    def _grants(self, member: Resource, principal: str, permission: str, resource: str, facts: Facts) -> bool:
        if member["member"] not in (principal, "allUsers"):
            return False
        role = member["role"]
        custom = self._cloud.get(ROLE, role)
        permissions = PREDEFINED.get(role) or frozenset(custom["permissions"] if custom else ())
        scope = member["scope"]
        if permission not in permissions or scope not in (resource, f"projects/{self._cloud.project}"):
            return False
        condition = member.outputs.get("condition")
        return condition is None or holds(condition["expression"], facts)


class Tokens:
    """Access tokens for the deployer and, from the metadata server, for the account of the calling process."""

    def __init__(self, cloud: GcpCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def issue(self, principal: str) -> str:
        """Issue a token for a principal, valid for an hour."""
        token = f"ya29.sandbox-{secrets.token_urlsafe(24)}"
        self._store.put("gcp:tokens", token, {"who": principal, "until": time.time() + _SECONDS})
        return token

    def caller(self, call: Call) -> str:
        """Return the principal of a call's token. Raises Refused."""
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        record = self._store.get("gcp:tokens", token) if token else None
        if record is None or record["until"] < time.time():
            raise Refused(
                401, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token."
            )
        return str(record["who"])

    def exchange(self, call: Call) -> Reply:
        """Answer POST /token with the deployer's refresh token."""
        sent = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
        expected = {key: value for key, value in PERSON.items() if key != "type"} | {"grant_type": "refresh_token"}
        if (call.method, call.path) != ("POST", "/token") or {key: sent.get(key) for key in expected} != expected:
            return reply({"error": "invalid_grant", "error_description": "Bad Request"}, 400)
        return reply({"access_token": self.issue(DEPLOYER), "expires_in": _SECONDS, "token_type": "Bearer"})

    def serve(self, call: Call) -> Reply:
        """Answer a request to the metadata server, which identifies a process by its connection."""
        if call.headers.get("metadata-flavor") != "Google":
            return Reply(403, b"Missing required header: Metadata-Flavor")
        email = self._cloud.account_of(call.client)
        if email is None or call.path != _TOKEN_PATH:
            return Reply(404)
        token = self.issue(f"serviceAccount:{email}")
        answer = {"access_token": token, "expires_in": _SECONDS, "token_type": "Bearer"}
        return Reply(
            200, json.dumps(answer).encode(), {"content-type": "application/json", "metadata-flavor": "Google"}
        )
