"""The triggers' cold start and warm calls in the clouds' runtime clients, against the Lambda that numerai-cli ships.

A cold start begins with the start of the runtime's process and ends with the answer to the first webhook call, which
starts a job. The services that the functions call are a stand-in, which answers at once.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import azure_worker, fleet
from benchmarks.azure_runtime import AzureWorker
from benchmarks.result import Sample
from benchmarks.runtimes import PYTHON, Call, Cost, Function, FunctionsFramework, Lambda, Runtime
from benchmarks.stand_in import AZURE_JOB, BUCKET, REGION, StandIn, open_stand_in
from providers.aws.archive import ARCHIVE as AWS
from providers.azure.archive import ARCHIVE as AZURE
from providers.gcp.archive import ARCHIVE as GCP
from trigger.archive import Archive
from trigger.table import Row

STARTS, CALLS = 7, 15
"""Cold starts in a run, and the calls that follow each of them."""
TOKEN = "benchmark"  # noqa: S105 - the stand-in's table has its hash
ROW = Row(fleet.model_id(0), "node-0", hashlib.sha256(TOKEN.encode()).hexdigest(), AZURE_JOB, "queue")
_EMPTY = {
    "aws": "def handler(event, context):\n    return {'statusCode': 202}\n",
    "gcp": "import functions_framework\n\n\n@functions_framework.http\ndef webhook(request):\n    return '', 202\n",
    "azure": """\
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.function_name("webhook")
@app.route(route="{*path}", methods=["POST"])
def webhook(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("", status_code=202)
""",
}
"""Functions that do nothing: what is left is the runtime itself."""


@dataclass(frozen=True)
class Host:
    """A cloud's runtime, our archive for it, the name by which the runtime calls the function, and its variables."""

    runtime: Callable[[Function], Runtime]
    archive: Archive
    entry: str
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Subject:
    """A function that is measured, and the status of its answers."""

    runtime: Callable[[Function], Runtime]
    function: Function
    status: int = 202


def find_numerai_lambda() -> Path:
    """Return the archive in the installed numerai-cli."""
    (archive,) = PYTHON.parents[1].glob("lib/python*/site-packages/numerai/terraform/aws/aws/main.zip")
    return archive


def list_hosts(stand_in: StandIn) -> dict[str, Host]:
    """Return the runtimes by cloud. Azure's may be missing: it does not come from a package registry."""
    aws = {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "session",
        "BUCKET": BUCKET,
        "PACKAGE": AWS.digest(),
        "JOB_DEFINITION": "job",
        "JOB_QUEUE": "queue",
    }
    gcp = {"BUCKET": BUCKET, "PARENT": f"projects/p/locations/{REGION}", "PACKAGE": GCP.digest()}
    azure = {
        "STORE_URL": f"https://{BUCKET}.blob.core.windows.net/",
        "IDENTITY_ENDPOINT": f"http://127.0.0.1:{stand_in.port}/identity",
        "IDENTITY_HEADER": "header",
    }
    hosts = {
        "aws": Host(Lambda, AWS, "index.handler", {**stand_in.environ, **aws}),
        "gcp": Host(FunctionsFramework, GCP, "webhook", {**stand_in.environ, **gcp}),
        "azure": Host(AzureWorker, AZURE, "webhook", {**stand_in.environ, **azure}),
    }
    return hosts if azure_worker.DESCRIPTORS.exists() else {cloud: hosts[cloud] for cloud in ("aws", "gcp")}


def unpack(place: Path, files: Mapping[str, str], host: Host) -> Function:
    """Write a function's files into a new folder."""
    place.mkdir(parents=True)
    for name, text in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    return Function(place, host.entry, host.environ)


def deploy(folder: Path, hosts: Mapping[str, Host]) -> dict[tuple[str, str], Subject]:
    """Unpack the functions; return them by cloud and program."""
    subjects = {}
    for cloud, host in hosts.items():
        for program, files in (("this", host.archive.files()), ("empty", {host.archive.entry: _EMPTY[cloud]})):
            subjects[cloud, program] = Subject(host.runtime, unpack(folder / f"{program}-{cloud}", files, host))
    place = folder / "numerai-cli"
    with zipfile.ZipFile(find_numerai_lambda()) as archive:
        archive.extractall(place)
    # Its terraform/aws/aws/webhook.tf names the handler.
    numerai = Function(place, "main.lambda_handler", hosts["aws"].environ)
    subjects["aws", "numerai-cli"] = Subject(Lambda, numerai, 200)
    return subjects


def start_and_call(subject: Subject, calls: int) -> tuple[Cost, Cost]:
    """Start a function; return the cost of its first call with the start, and the median of the following calls."""
    with subject.runtime(subject.function) as runtime:
        cold = runtime.measure(write_call(), subject.status)
        return cold, find_median([runtime.measure(write_call(), subject.status) for _ in range(calls)])


def find_median(costs: list[Cost]) -> Cost:
    """Return the medians of times and processor times."""
    return Cost(statistics.median(cost.seconds for cost in costs), statistics.median(cost.cpu for cost in costs))


def write_call() -> Call:
    """Return a webhook call as Numerai makes it, with a new trigger id."""
    body = {"roundNumber": 1000, "modelId": ROW.model_id, "triggerId": str(uuid.uuid4())}
    return Call(f"/pred/{ROW.model_id}/{TOKEN}", json.dumps(body))


def measure(folder: Path, runs: int, say: Callable[[str], None]) -> Iterator[Sample]:
    """Yield a sample for each cloud, run and program: the medians of the run's cold starts and of its warm calls."""
    with open_stand_in(folder / "stand-in", ROW) as stand_in:
        hosts = list_hosts(stand_in)
        if "azure" not in hosts:
            say("trigger: without Azure, because .tools/azure-worker is missing")
        subjects = deploy(folder, hosts)
        for subject in subjects.values():
            start_and_call(subject, 1)  # fills the file system's cache
        for run in range(runs):
            say(f"trigger: {STARTS} cold starts and {STARTS * CALLS} calls of {len(subjects)} functions")
            costs: dict[tuple[str, str], list[tuple[Cost, Cost]]] = {key: [] for key in subjects}
            for start in range(STARTS):
                shift = (run + start) % len(subjects)
                for key in [*list(subjects)[shift:], *list(subjects)[:shift]]:
                    costs[key].append(start_and_call(subjects[key], CALLS))
            for cloud in hosts:
                own = {key: value for key, value in costs.items() if key[0] == cloud}
                # Every cloud's trigger is compared with the one Lambda of numerai-cli.
                for (_, program), taken in {**own, ("aws", "numerai-cli"): costs["aws", "numerai-cli"]}.items():
                    cold, warm = (find_median(list(part)) for part in zip(*taken, strict=True))
                    yield Sample(f"trigger on {cloud}, cold start", program, run, asdict(cold))
                    yield Sample(f"trigger on {cloud}, warm call", program, run, asdict(warm))
        if stand_in.unexpected:
            raise AssertionError(f"calls without an answer: {sorted(set(stand_in.unexpected))}")
