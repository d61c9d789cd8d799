"""Azure's services as the deployed trigger calls them: blobs, Container Apps, Key Vault and the identity endpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.reliability.jobs import Job
from tests.reliability.services import KEY, Services, write_time
from trigger.http_call import Answer
from trigger.table import Row

_TEMPLATE = {"name": "node", "image": "r.azurecr.io/n@sha256:aa", "resources": {"cpu": 1.0, "memory": "2Gi"}, "env": []}
_CHANGED = "<Properties><Last-Modified>Fri, 02 Jan 2026 10:00:00 GMT</Last-Modified></Properties>"


class AzureServices(Services):
    """Blob Storage, Container Apps, Key Vault and the identity endpoint."""

    @staticmethod
    def find_service(method: str, host: str, path: str) -> str:
        if host == "management.azure.com":
            return "compute"
        if host.endswith(".vault.azure.net"):
            return "secrets"
        return "store" if host.endswith(".blob.core.windows.net") else "identity"

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        parts = urlsplit(url)
        service = self.find_service(method, parts.netloc, parts.path)
        if service == "identity":
            return Answer(200, json.dumps({"access_token": "token", "expires_on": "99999999999"}).encode())
        if service == "secrets":
            return Answer(200, json.dumps({"value": KEY}).encode())
        if service == "compute":
            return self._manage(method, parts.path, body)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        key = unquote(parts.path.lstrip("/"))
        if query.get("comp") == "list" and not key:
            return _write_list("Container", [_describe_container(row) for row in self.rows])
        if query.get("comp") == "list":
            names = self.objects.list(f"{key}/{query.get('prefix', '')}")
            return _write_list(
                "Blob", [f"<Blob><Name>{escape(n.removeprefix(f'{key}/'))}</Name></Blob>" for n in names]
            )
        if method == "PUT":
            assert headers["If-None-Match"] == "*"
            return Answer(201 if self.objects.create(key, body or b"") else 409, b"")
        content = self.objects.read(key)
        return Answer(404, b"") if content is None else Answer(200, content)

    def _manage(self, method: str, path: str, body: bytes | None) -> Answer:
        resource = path.removesuffix("/start").removesuffix("/executions")
        node = resource.rsplit("/", 1)[-1]
        if method == "POST":
            (container,) = json.loads(body or b"")["containers"]
            env = {item["name"]: item["value"] for item in container["env"]}
            job = self._start(node, env["RUN_ID"], env)
            return Answer(200, json.dumps({"id": f"{resource}/executions/{job.name}"}).encode())
        if path.endswith("/executions"):
            listed = [_describe_execution(resource, job) for job in self._list_jobs(node)]
            return Answer(200, json.dumps({"value": listed}).encode())
        return Answer(200, json.dumps({"properties": {"template": {"containers": [_TEMPLATE]}}}).encode())


def _describe_container(row: Row) -> str:
    columns = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row._asdict().items() if value)
    return f"<Container><Name>claims-{row.node}</Name>{_CHANGED}<Metadata>{columns}</Metadata></Container>"


def _write_list(what: str, items: list[str]) -> Answer:
    return Answer(
        200, f"<EnumerationResults><{what}s>{''.join(items)}</{what}s><NextMarker /></EnumerationResults>".encode()
    )


def _describe_execution(resource: str, job: Job) -> dict[str, Any]:
    env = [{"name": name, "value": value} for name, value in job.env.items()]
    properties: dict[str, Any] = {
        "status": job.state.capitalize(),
        "startTime": write_time(job.created),
        "template": {"containers": [{"env": env}]},
    }
    if job.state != "running":
        properties["endTime"] = write_time(job.ends)
    return {"id": f"{resource}/executions/{job.name}", "properties": properties}
