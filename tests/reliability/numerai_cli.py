"""numerai-cli's Lambda in the same season: its own file, with a stand-in for boto3.

numerai-cli gives each node a function with this code and has neither claims nor a watch. The Lambda's time limit is
AWS's default, three seconds, because numerai-cli sets none. boto3's client repeats a call up to four times after a
server error, as botocore's default does; SubmitJob has no token that would keep a repeat from starting a second job.
All nodes have this Lambda here, on the regions and clouds of the season, so that the faults are the same.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from pnodes.engine.paths import ROOT
from tests.reliability.fleet import Node
from tests.reliability.functions import Call, Died
from tests.reliability.rates import Rates
from tests.reliability.season import REGIONS, Season

_ARCHIVE = "lib/python*/site-packages/numerai/terraform/aws/aws/main.zip"
_LAMBDA_SECONDS = 3.0
_TRIES = 5
Handler = Callable[[dict[str, Any], object], dict[str, Any]]


def find_archive() -> Path | None:
    """Return the Lambda's archive in the environment of `make bench ONLY=trigger`; None if it is not installed."""
    return next((ROOT / ".tools" / "bench-runtimes").glob(_ARCHIVE), None)


class NumeraiCliSeason(Season):
    """A season in which numerai-cli's Lambda answers the webhooks."""

    def __init__(self, seed: int, rates: Rates, nodes: int = 50, weeks: int = 52) -> None:
        super().__init__(seed, rates, nodes, weeks, watched=False)
        self._lambdas = {node.name: _load(node, self._submit_job) for node in self.nodes}

    def call_webhook(self, node: Node, number: int, trigger_id: str, key: tuple[object, ...]) -> int | None:
        event = {"body": json.dumps({"roundNumber": number, "triggerId": trigger_id, "dataVersion": 1})}
        rates, region = self.faults.rates, self.regions[node.cloud]
        random_ = self.faults.draw("call", region.name, *key)
        if self.faults.regions[region.name].is_down(self.clock.now, "function"):
            self.faults.tried["function down"] += 1
            return None
        fate = random_.random()
        if fate < rates.function_error:
            self.faults.tried["function not called"] += 1
            return None
        call = Call(region, random_, self.clock.now + _LAMBDA_SECONDS, 0.0)
        if fate < 2 * rates.function_error:
            call.dies_at = (1, random_.random() < 0.5)
        self.clock.owner = call
        try:
            status: int = self._lambdas[node.name](event, None)["statusCode"]
            return status
        except Died:
            self.faults.tried["function died"] += 1
            return None
        finally:
            self.clock.owner = None

    def _submit_job(self, request: dict[str, Any]) -> dict[str, Any]:
        """Take the place of boto3's `submit_job`, with botocore's repeats."""
        call: Call = self.clock.owner
        node = self.by_name[request["jobDefinition"]]
        env = {item["name"]: item["value"] for item in request["containerOverrides"]["environment"]}
        for number in range(_TRIES):
            call.step(False)
            outcome = self.faults.find_outcome(call.random, call.region.name, "compute", self.clock.now)
            self.clock.sleep(0.15)
            call.check(self.clock.now)
            if outcome in ("", "500 with effect", "lost with effect"):
                job = self.jobs.start(REGIONS[node.cloud], node, env["TRIGGER_ID"], env)
            if not outcome:
                call.step(True)
                return {"jobId": job.name, "jobName": request["jobName"]}
            if outcome.startswith("lost"):  # botocore waits for a minute, the Lambda does not
                self.clock.sleep(_LAMBDA_SECONDS)
                call.check(self.clock.now)
            self.clock.sleep(call.random.random() * 2**number)
            call.check(self.clock.now)
        raise RuntimeError("An error occurred when calling the SubmitJob operation (reached max retries: 4)")


def _load(node: Node, submit_job: Callable[[dict[str, Any]], dict[str, Any]]) -> Handler:
    """Return the Lambda's handler for a node."""
    archive = find_archive()
    if archive is None:
        raise FileNotFoundError("numerai-cli's Lambda is not installed; `make reliability` installs it")
    with zipfile.ZipFile(archive) as files:
        source = files.read("main.py").decode()
    client = SimpleNamespace(submit_job=lambda **request: submit_job(request))
    boto3 = ModuleType("boto3")
    boto3.client = lambda service: client  # type: ignore[attr-defined]
    names = {"JOB_DEFINITION": node.name, "JOB_QUEUE": "queue"}
    module = ModuleType("numerai_cli_lambda")
    with mock.patch.dict(sys.modules, boto3=boto3):
        exec(compile(source, "main.py", "exec"), module.__dict__)  # noqa: S102 - numerai-cli's own file
    module.__dict__.update(os=SimpleNamespace(getenv=names.get), print=lambda *_: None)
    handler: Handler = module.lambda_handler
    return handler
