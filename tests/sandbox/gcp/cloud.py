"""A simulated Google Cloud in which tests create resources without the engine."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from providers.gcp import roles
from providers.gcp.services import SERVICES
from sandbox.cloud import Resource
from sandbox.gcp import handlers, iam, run, storage
from sandbox.gcp.cloud import GcpCloud
from sandbox.network import Network
from tests.sandbox.archives import packed
from tests.sandbox.networked import Account

REGION = "us-central1"
BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
JOB_MEMBER = "gcp:cloudrunv2/jobIamMember:JobIamMember"
SECRET_MEMBER = "gcp:secretmanager/secretIamMember:SecretIamMember"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
REPOSITORY_MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
SERVICE_MEMBER = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
SHOW = (
    "import json, os\n"
    "print(json.dumps({k: os.environ.get(k) for k in ('A', 'B', 'KEY', 'TRIGGER_ID', 'CLOUD_RUN_JOB')}))\n"
)


class Google(Account[GcpCloud]):
    """`cloud` is the simulated cloud; `make` creates a resource as the plugin would."""

    def __init__(self, cloud: GcpCloud, network: Network) -> None:
        super().__init__(cloud, network)
        for service in SERVICES:
            self.make(handlers.SERVICE, service, service=f"{service}.googleapis.com")

    def account(self, name: str) -> Resource:
        return self.make(iam.ACCOUNT, name, accountId=f"{name}-account")

    def bucket(self, name: str) -> Resource:
        return self.make(storage.BUCKET, name, name=name, location="US-CENTRAL1", forceDestroy=True)

    def role(self, name: str, permissions: list[str]) -> Resource:
        return self.make(iam.ROLE, name, roleId=name, title=name, permissions=permissions)

    def grant(self, type_: str, who: Resource | str, role: str, condition: str = "", **on: Any) -> Resource:
        member = who if isinstance(who, str) else who["member"]
        more = {"condition": {"title": "t", "expression": condition}} if condition else {}
        return self.make(type_, "grant", member=member, role=role, **on, **more)

    def trigger_role(self) -> Resource:
        return self.cloud.find(iam.ROLE, roleId="trigger") or self.role("trigger", roles.TRIGGER)

    def grant_bucket(self, who: Resource, bucket: Resource) -> Resource:
        """Grant the trigger's role on a bucket, under the trigger's condition."""
        expression = roles.build_trigger_condition(bucket["name"])
        return self.grant(BUCKET_MEMBER, who, self.trigger_role()["name"], expression, bucket=bucket["name"])

    def grant_job(self, who: Resource, job: Resource) -> Resource:
        """Grant the trigger's role on a job."""
        return self.grant(JOB_MEMBER, who, self.trigger_role()["name"], location=REGION, name=job["name"])

    def secret(self, value: str) -> Resource:
        """Create a secret; return its first version."""
        secret = self.make(handlers.SECRET, "key", secretId="key", replication={"auto": {}}, deletionProtection=False)
        return self.make(handlers.VERSION, "key", secret=secret.id, secretData=value)

    def repository(self, name: str, immutable: bool = False) -> Resource:
        return self.make(
            handlers.REPOSITORY,
            name,
            repositoryId=name,
            location=REGION,
            format="DOCKER",
            dockerConfig={"immutableTags": immutable},
        )

    def image(self, repository: Resource, script: str = SHOW) -> str:
        """Build a real (process) image that prints its environment; return its reference with the digest."""
        files = {"Dockerfile": 'FROM python\nCOPY . .\nCMD ["python", "show.py"]\n', "show.py": script}
        name = f"{repository['registryUri']}/alpha"
        images = self.cloud.kernel.images
        return f"{name}@{images.build(name, packed(files), 'Dockerfile', {}, [], lambda _: None)}"

    def job(self, name: str, account: Resource, image: str, **task: Any) -> Resource:
        container = {
            "image": image,
            "resources": {"limits": {"cpu": "1", "memory": "512Mi"}},
            "envs": [{"name": "A", "value": "1"}],
            **task.pop("container", {}),
        }
        template = {
            "serviceAccount": account["email"],
            "maxRetries": 0,
            "timeout": "60s",
            "containers": [container],
            **task,
        }
        inputs = {"location": REGION, "deletionProtection": False, "template": {"template": template}}
        return self.make(run.JOB, name, **inputs)

    def token(self, who: Resource | None = None) -> str:
        return self.cloud.tokens.issue(who["member"] if who else iam.DEPLOYER)

    def http(self, who: Resource | None = None, client: str = "test", token: str | None = None) -> httpx.Client:
        """Return a client with an account's token, by default the deployer's, and the network of a process."""
        trust = ssl.create_default_context(cafile=str(self.network.ca_file))
        given = self.token(who) if token is None else token
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        proxy = self.network.proxy(client)
        return httpx.Client(proxy=proxy, verify=trust, trust_env=False, headers=headers, timeout=60)
