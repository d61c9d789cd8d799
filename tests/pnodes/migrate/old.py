"""Files of numerai-cli as its versions write them, without data of real accounts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

IDS = [f"5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c0{number}" for number in range(1, 5)]

# The Dockerfile of numerai-cli's examples, with a current Python: it takes the keys as build arguments.
DOCKERFILE = """\
FROM python:3.12-slim
ARG NUMERAI_PUBLIC_ID
ENV NUMERAI_PUBLIC_ID=$NUMERAI_PUBLIC_ID
ARG NUMERAI_SECRET_KEY
ENV NUMERAI_SECRET_KEY=$NUMERAI_SECRET_KEY
ARG MODEL_ID
ENV MODEL_ID=$MODEL_ID
ARG SRC_PATH
ENV SRC_PATH=$SRC_PATH
ADD $SRC_PATH/requirements.txt .
RUN pip install -r requirements.txt --no-cache-dir
ADD $SRC_PATH .
CMD [ "python", "./predict.py" ]
"""


def aws(path: Path, **fields: Any) -> dict[str, Any]:
    """Return a node on AWS as `node config` of version 1.1.7 writes it."""
    return {
        "provider": "aws",
        "cpu": 2048,
        "memory": 16384,
        "path": str(path),
        "timeout_minutes": 60,
        "model_id": IDS[0],
        "docker_repo": "123456789012.dkr.ecr.us-east-1.amazonaws.com/numerai-alpha",
        "webhook_url": "https://abcdefghijklmnop.lambda-url.us-east-1.on.aws/",
        "cluster_log_group": "/ec2/service/numerai-alpha",
        "webhook_log_group": "/aws/lambda/numerai-alpha",
        "cluster_arn": "arn:aws:ecs:us-east-1:123456789012:cluster/numerai-submission-compute_Batch",
        **fields,
    }


def gcp(path: Path, **fields: Any) -> dict[str, Any]:
    """Return the same node on Google Cloud."""
    return {
        "provider": "gcp",
        "cpu": 2048,
        "memory": 4096,
        "path": str(path),
        "timeout_minutes": 60,
        "model_id": IDS[1],
        "registry_id": "projects/my-project/locations/us-east1/repositories/numerai-container-registry",
        "artifact_registry_login_url": "https://us-east1-docker.pkg.dev/",
        "docker_repo": "us-east1-docker.pkg.dev/my-project/numerai-container-registry/signals-beta",
        "webhook_url": "https://us-east1-my-project.cloudfunctions.net/signals-beta",
        "job_id": "projects/my-project/locations/us-east1/jobs/signals-beta",
        **fields,
    }


def azure(path: Path, **fields: Any) -> dict[str, Any]:
    """Return the same node on Azure."""
    return {
        "provider": "azure",
        "cpu": 1024,
        "memory": 2048,
        "path": str(path),
        "timeout_minutes": 60,
        "model_id": IDS[2],
        "registry_rg_name": "numerai-cli-acr-resource-grp",
        "registry_name": "NumeraiACRabcdefghij",
        "acr_login_server": "numeraiacrabcdefghij.azurecr.io",
        "docker_repo": "numeraiacrabcdefghij.azurecr.io/crypto-gamma",
        "webhook_url": "https://gamma-abcdefghij.azurewebsites.net/api/orchestrators/start_submission",
        "resource_group_name": "crypto-gamma-resource-grp",
        "webhook_storage_account_name": "funcstorageabcdefghij",
        **fields,
    }


def model(folder: Path, dockerfile: str = DOCKERFILE, predict: str = "print('predicts')\n") -> Path:
    """Create a model's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "requirements.txt").write_text("numerapi\n")
    (folder / "predict.py").write_text(predict)
    return folder


def write(home: Path, nodes: Any, keys: Any = None) -> Path:
    """Write nodes.json and the keys to a `.numerai` folder; strings are written unchanged."""
    home.mkdir(parents=True, exist_ok=True)
    for name, content in (("nodes.json", nodes), (".keys", keys)):
        if content is not None:
            (home / name).write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    return home / "nodes.json"
