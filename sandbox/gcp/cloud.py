"""The simulated Google Cloud: handlers by resource type, provider functions, and the service behind each host name."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from sandbox.calls import Call, Refused, Reply, reply, serve
from sandbox.cloud import Cloud, CloudError, Handler, Kernel, Resource
from sandbox.gcp import (
    builds,
    function_api,
    functions,
    handlers,
    iam,
    logging,
    monitoring,
    organization,
    packages,
    run,
    scheduler,
    secret_manager,
    storage,
    usage,
)

PROJECT = "sandbox-project"


class GcpCloud(Cloud):
    """One project, whose owner runs `pulumi up`."""

    name: ClassVar[str] = "gcp"
    package: ClassVar[str] = "gcp"

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.access = iam.Access(self)
        self.tokens = iam.Tokens(self)
        self.clock: scheduler.Scheduler = scheduler.Scheduler(self)
        self._objects, self._admin, self._builds = storage.Objects(self), run.Admin(self), builds.Builds(self)
        self.logging = logging.Logging(self)
        self.app = serve(self.faults.wrap(self.answer))

    @property
    def project(self) -> str:
        """The project in the provider's configuration, or else the sandbox's own."""
        return str(self.config.get("project") or PROJECT)

    @cached_property
    def handlers(self) -> dict[str, Handler]:  # type: ignore[override]
        """The handlers of every type that the Google Cloud components register."""
        return {
            handlers.SERVICE: handlers.Service(self),
            handlers.REPOSITORY: handlers.Repository(self),
            handlers.EXCLUSION: handlers.Exclusion(self),
            handlers.SECRET: handlers.Secret(self),
            handlers.VERSION: handlers.SecretVersion(self),
            monitoring.CHANNEL: monitoring.Channel(self),
            monitoring.POLICY: monitoring.Policy(self),
            iam.ACCOUNT: iam.Account(self),
            iam.ROLE: iam.Role(self),
            **{type_: iam.Member(self, type_) for type_ in iam.MEMBERS},
            storage.BUCKET: storage.Bucket(self),
            storage.OBJECT: storage.Object(self),
            run.JOB: run.Job(self),
            functions.FUNCTION: functions.Function(self),
            scheduler.JOB: scheduler.Job(self),
        }

    def forget(self, resource: Resource) -> None:
        """Delete a resource's record; a service's record is kept while another cluster's resource uses it."""
        if resource.type != handlers.SERVICE or not handlers.Service(self).is_held(resource):
            super().forget(resource)

    def exists(self, scope: str) -> bool:
        """Return whether a resource with this full name exists; the project always does."""
        if scope == f"projects/{self.project}":
            return True
        if "/services/" in scope:
            function = self.get(functions.FUNCTION, scope.replace("/services/", "/functions/"))
            return function is not None and bool(function["serviceConfig"].get("uri"))
        return any(resource.id in (scope, scope.removeprefix("buckets/")) for resource in self.resources())

    def is_enabled(self, service: str) -> bool:
        """Return whether a service (such as run.googleapis.com) is enabled."""
        return service in usage.list_enabled(self)

    def account_of(self, client: str) -> str | None:
        """Return the e-mail address of the account that a function's or job's process runs as, or None."""
        kind, _, name = client.partition("/")
        if kind == "gcp":
            function = self.find(functions.FUNCTION, name=name)
            return str(function["serviceConfig"]["serviceAccountEmail"]) if function else None
        execution = self.kernel.executor.get(name) if kind == "job" else None
        job = self.get(run.JOB, execution.job) if execution and execution.cloud == "gcp" else None
        return str(job.inputs["template"]["template"]["serviceAccount"]) if job else None

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        if token == "gcp:organizations/getClientConfig:getClientConfig":  # noqa: S105 - a function's name
            return {
                "accessToken": self.tokens.issue(iam.DEPLOYER),
                "defaultLabels": {},
                "id": f'projects/"{self.project}"/regions/""/zones/""',
                "project": self.project,
                "region": "",
                "zone": "",
            }
        raise CloudError(f"the sandbox has no {token}")

    def send_emails(self) -> None:
        monitoring.send_emails(self)

    def owns(self, host: str) -> bool:
        hosts = (
            secret_manager.HOST,
            storage.HOST,
            run.HOST,
            builds.HOST,
            logging.HOST,
            packages.HOST,
            iam.METADATA_HOST,
            iam.TOKEN_HOST,
        )
        return host in (*hosts, function_api.HOST, usage.HOST, usage.BILLING_HOST, organization.HOST) or host.endswith(
            functions.SUFFIX
        )

    def answer(self, call: Call) -> Reply:
        """Answer a request to any of Google's hosts."""
        if call.host == iam.METADATA_HOST:
            return self.tokens.serve(call)
        if call.host.endswith(functions.SUFFIX):
            return functions.serve_function(self, call)
        if call.host == iam.TOKEN_HOST:
            return self.tokens.exchange(call)
        try:
            principal = self.tokens.caller(call)
            if call.host == storage.HOST:
                return self._objects.serve(call, principal)
            if call.host == secret_manager.HOST:
                return secret_manager.serve_secrets(self, call, principal)
            if call.host == run.HOST:
                return self._admin.serve(call, principal)
            if call.host == function_api.HOST:
                return function_api.serve_functions(self, call, principal)
            if call.host == packages.HOST:
                return packages.serve_packages(self, call, principal)
            if call.host == usage.HOST:
                return usage.serve_usage(self, call, principal)
            if call.host == usage.BILLING_HOST:
                return usage.serve_billing(self, call, principal)
            if call.host == organization.HOST:
                return organization.serve_organization(self, call, principal)
            if call.host == logging.HOST:
                return self.logging.serve(call, principal)
            return self._builds.serve(call, principal)
        except Refused as refused:
            error = {"code": refused.status, "message": str(refused), "status": refused.code}
            return reply({"error": error}, refused.status)
