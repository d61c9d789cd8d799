"""A Container Apps job in the simulated Azure, with everything that it needs."""

from __future__ import annotations

import json
from typing import Any

from providers.azure import roles
from sandbox.azure import jobs, vault
from sandbox.azure.registry import REGISTRY
from tests.sandbox.archives import packed
from tests.sandbox.azure.cloud import GROUP, PLACE, Azure
from tests.sandbox.azure.function import TRIGGER_ROLE, make_trigger_role

VERSION = "api-version=2025-01-01"
SHOW = (
    "import json, os\nprint(json.dumps({k: os.environ.get(k) for k in ('A', 'B', 'KEY', 'CONTAINER_APP_JOB_NAME')}))\n"
)


class World:
    """A job that refers to a secret and a real (process) image."""

    def __init__(self, azure: Azure, script: str = SHOW) -> None:
        self.azure, self.script = azure, script
        self.registry = azure.make(REGISTRY, "images", **PLACE, sku={"name": "Basic"})
        self.vault = azure.make(vault.VAULT, "keys", **PLACE, properties={"tenantId": "t"})
        place = {"resourceGroupName": GROUP, "vaultName": self.vault["name"]}
        secret = azure.make(vault.SECRET, "key", **place, secretName="key", properties={"value": "planted"})
        self.puller = azure.identity("puller")
        self.pull = azure.grant(self.puller, roles.ACR_PULL, self.registry.id)
        self.read = azure.grant(self.puller, roles.KEY_VAULT_SECRETS_USER, self.vault.id)
        self.environment = azure.make(
            jobs.ENVIRONMENT,
            "env",
            **PLACE,
            appLogsConfiguration={"destination": "azure-monitor"},
            workloadProfiles=[{"name": "Consumption", "workloadProfileType": "Consumption"}],
        )
        self.inputs: dict[str, Any] = {
            **PLACE,
            "environmentId": self.environment.id,
            "workloadProfileName": "Consumption",
            "identity": {"type": "UserAssigned", "userAssignedIdentities": [self.puller.id]},
            "configuration": {
                "replicaTimeout": 60,
                "registries": [{"server": self.registry["loginServer"], "identity": self.puller.id}],
                "secrets": [
                    {
                        "name": "key",
                        "keyVaultUrl": secret["properties"]["secretUriWithVersion"],
                        "identity": self.puller.id,
                    }
                ],
            },
            "template": {
                "containers": [
                    {
                        "name": "node",
                        "image": self._image(),
                        "resources": {"cpu": 0.5, "memory": "1Gi"},
                        "env": [{"name": "A", "value": "1"}, {"name": "KEY", "secretRef": "key"}],
                    }
                ]
            },
        }
        self.job = azure.make(jobs.JOB, "alpha", **self.inputs)
        make_trigger_role(azure)
        self.trigger = azure.identity("trigger")
        self.start_right = azure.grant(self.trigger, TRIGGER_ROLE, self.job.id, roles.TRIGGER_CONDITION)

    def _image(self) -> str:
        files = {"Dockerfile": 'FROM python\nCOPY . .\nCMD ["python", "show.py"]\n', "show.py": self.script}
        repository = f"{self.registry['loginServer']}/alpha"
        images = self.azure.cloud.kernel.images
        return f"{repository}@{images.build(repository, packed(files), 'Dockerfile', {}, [], lambda _: None)}"

    def start(self, body: dict[str, Any] | None = None, **changes: Any) -> Any:
        with self.azure.http(self.azure.token(self.trigger)) as client:
            return client.post(f"https://management.azure.com{self.job.id}/start?{VERSION}", json=body, **changes)

    def printed(self, answer: Any) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        executor = self.azure.cloud.kernel.executor
        run = executor.wait(answer.json()["name"], 60)
        assert run.state == "SUCCEEDED", (run.reason, executor.logs(run.run_id))
        return dict(json.loads(executor.logs(run.run_id)))
