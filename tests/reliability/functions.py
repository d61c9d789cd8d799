"""The deployed functions in a season: their processes, calls and crashes, and the network between them and the clouds.

The code is what the archives hold: `trigger.core` with what it imports, `trigger.watch`, `trigger.numerai_api` and the
classes of the three clouds, down to `http_call.call`, in whose place `Network.call` stands. Time and threads are the
clock's.
"""

from __future__ import annotations

import importlib
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from tests.reliability.azure_services import AzureServices
from tests.reliability.clock import Clock, Pool
from tests.reliability.faults import Faults
from tests.reliability.numerai import Numerai
from tests.reliability.services import AwsServices, GcpServices, Services
from trigger import aws, aws_watch, gcp, gcp_watch, http_call, numerai_api, watch
from trigger.calls import Request
from trigger.core import Trigger
from trigger.http_call import Answer
from trigger.table import StoreError

FUNCTION_SECONDS = 60.0
"""The time limit of the functions, on all three clouds."""
COLD_SECONDS, WARM_SECONDS = 1.0, 600.0
"""How long a process takes to start, and how long an idle one is kept."""
LATENCY = {"store": 0.03, "compute": 0.15, "secrets": 0.05, "identity": 0.0, "numerai": 0.3, "function": 0.1}
TRIGGERS = ".trigger.example"
"""The end of the host names of the regions' functions, which ask each other before a rescue."""
_STEPS = 14
"""A process that dies does so before or after one of so many calls of a service."""
SERVICES: dict[str, type[Services]] = {"aws": AwsServices, "gcp": GcpServices, "azure": AzureServices}
azure: ModuleType = importlib.import_module("trigger.azure")
azure_watch: ModuleType = importlib.import_module("trigger.azure_watch")


class Died(BaseException):
    """The function's process has ended in the middle of its work; nothing in it can catch that."""


class Process:
    """A process of a region's function."""

    def __init__(
        self,
        cloud: str,
        now: Callable[[], float],
        sleep: Callable[[float], None],
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        if cloud == "aws":
            store = aws.S3Store("bucket", aws.Signer("s3", "us-east-1", "id", "secret"), sleep)
            batch = aws.Batch(aws.Signer("batch", "us-east-1", "id", "secret"))
            self.trigger = Trigger(store, batch, "", log, now, sleep)
            secrets = aws_watch.Secrets(aws.Signer("secretsmanager", "us-east-1", "id", "secret"))
            self.watch: Any = watch.build_watch(self.trigger, aws_watch.Runs(batch), secrets.read_keys)
        elif cloud == "gcp":
            identity = gcp.Identity()
            run = gcp.CloudRun("projects/p/locations/us-central1", identity)
            self.trigger = Trigger(gcp.StorageStore("bucket", identity), run, "", log, now, sleep)
            self.watch = watch.build_watch(
                self.trigger, gcp_watch.Runs(run), gcp_watch.Secrets("p", identity).read_keys
            )
        else:
            own = azure.Identity({"IDENTITY_HEADER": "h", "IDENTITY_ENDPOINT": "http://localhost/token"})
            apps = azure.ContainerApps(own)
            store = azure.BlobStore("https://s.blob.core.windows.net/", own)
            self.trigger = Trigger(store, apps, "", log, now, sleep)
            self.watch = watch.build_watch(self.trigger, azure_watch.Runs(apps), azure_watch.Secrets(own).read_keys)


class Region:
    """A region's services, and its function's idle processes with the times of their last calls."""

    def __init__(self, name: str, cloud: str, services: Services) -> None:
        self.name, self.cloud, self.services = name, cloud, services
        self.idle: list[tuple[float, float, Process]] = []


class Call:
    """One call of a function: what may happen to it, and when it ends at the latest."""

    def __init__(self, region: Region, random_: random.Random, deadline: float, skew: float) -> None:
        self.region, self.random, self.deadline, self.skew = region, random_, deadline, skew
        self.dies_at: tuple[int, bool] | None = None
        """The number of the step, and whether its effect still takes place."""
        self.steps, self.dead = 0, False

    def check(self, moment: float) -> None:
        """Raise Died if the process has ended."""
        if self.dead or moment >= self.deadline:
            self.dead = True
            raise Died

    def step(self, after: bool) -> None:
        """Raise Died if the process ends here."""
        self.steps += not after
        if self.dies_at == (self.steps, after):
            self.dead = True
        if self.dead:
            raise Died


class Network:
    """Carries the functions' HTTP calls, with delays and faults."""

    def __init__(self, clock: Clock, faults: Faults, numerai: Numerai, regions: Mapping[str, Region]) -> None:
        self._clock, self._faults, self._numerai, self._regions = clock, faults, numerai, regions
        self.functions = Functions(clock, faults, self)
        self._questions = count()

    def now(self) -> float:
        """Return the time by the clock of the function that asks."""
        return self._clock.now + (self._clock.owner.skew if self._clock.owner else 0.0)

    def sleep(self, seconds: float) -> None:
        """Pause a function."""
        self._clock.sleep(seconds)
        self._clock.owner.check(self._clock.now)

    def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = 5.0
    ) -> Answer:
        """Take the place of `http_call.call`."""
        call: Call = self._clock.owner
        call.check(self._clock.now)
        host, _, path = url.partition("://")[2].partition("/")
        if host == "api-tournament.numer.ai":
            return self._ask_numerai(call, body or b"", timeout)
        if host.endswith(TRIGGERS):
            request = Request(method, f"/{path}", headers={name.lower(): text for name, text in headers.items()})
            return self._ask_trigger(call, host, request._replace(body=body or b""), timeout)
        service = call.region.services.find_service(method, host, f"/{path}")
        if service == "identity":  # on the function's own machine
            return call.region.services.answer(method, url, headers, body)
        call.step(False)
        outcome = self._faults.find_outcome(call.random, call.region.name, service, self._clock.now)
        self._wait(call, LATENCY[service] / 2)
        answer = Answer(int(outcome[:3]), b'{"message": "a fault"}') if outcome[:3].isdecimal() else Answer(503, b"")
        if outcome in ("", "500 with effect", "lost with effect"):
            done = call.region.services.answer(method, url, headers, body)
            answer = answer if outcome else done
        if outcome.startswith("lost"):
            self._wait(call, timeout)
            raise TimeoutError("timed out")
        call.step(True)
        self._wait(call, LATENCY[service] / 2)
        return answer

    def _ask_numerai(self, call: Call, body: bytes, timeout: float) -> Answer:
        faults = self._faults
        share = call.random.random()
        down = faults.numerai.is_down(self._clock.now, "numerai")
        failed = down or share < faults.rates.numerai_error
        if failed:
            faults.tried["Numerai down" if down else "Numerai's error"] += 1
            share = call.random.random()
        self._wait(call, LATENCY["numerai"] * (4 if failed else 1))
        if not failed:
            return self._numerai.answer(body)
        if share < 0.4:
            return Answer(503, b"")
        if share < 0.7:
            return self._numerai.find_nonsense((share - 0.4) / 0.3)
        self._wait(call, timeout)
        raise TimeoutError("timed out")

    def _ask_trigger(self, call: Call, host: str, request: Request, timeout: float) -> Answer:
        """Call the function of another region."""
        call.step(False)
        self._wait(call, LATENCY["function"] / 2)
        began, region = self._clock.now, self._regions[host.removesuffix(TRIGGERS)]
        key = ("question", call.region.name, next(self._questions))
        response = self.functions.call(region, key, lambda process: process.watch.answer(request))
        self._clock.owner = call
        if self._clock.now - began > timeout or (response is None and call.random.random() < 0.5):
            self._wait(call, max(0.0, began + timeout - self._clock.now))
            raise TimeoutError("timed out")
        call.step(True)
        self._wait(call, LATENCY["function"] / 2)
        return Answer(response.status, response.json().encode()) if response else Answer(502, b"")

    def _wait(self, call: Call, seconds: float) -> None:
        self._clock.sleep(max(0.0, min(seconds, call.deadline - self._clock.now)))
        call.check(self._clock.now)


class Functions:
    """Calls the functions of the regions, whose processes may be cold, die, or not be there."""

    def __init__(self, clock: Clock, faults: Faults, network: Network) -> None:
        self._clock, self._faults, self._network = clock, faults, network

    def call(self, region: Region, key: tuple[object, ...], act: Callable[[Process], Any]) -> Any:
        """Carry out a call and return its result; None if there was no answer."""
        rates, random_ = self._faults.rates, self._faults.draw("call", region.name, *key)
        if self._faults.regions[region.name].is_down(self._clock.now, "function"):
            self._faults.tried["function down"] += 1
            return None
        fate = random_.random()
        if fate < rates.function_error:
            self._faults.tried["function not called"] += 1
            return None
        skew = random_.uniform(-1, 1) * rates.skew
        call = Call(region, random_, self._clock.now + FUNCTION_SECONDS, skew)
        if fate < 2 * rates.function_error:
            call.dies_at = (random_.randrange(1, _STEPS), random_.random() < 0.5)
        return self.run(call, act)

    def run(self, call: Call, act: Callable[[Process], Any]) -> Any:
        """Carry out a call in a process of the region, a new one if none is idle."""
        clock, region = self._clock, call.region
        clock.owner = call
        try:
            process = self._find_process(call)
            result = act(process)
        except Died:
            self._faults.tried["function died"] += 1
            return None
        finally:
            call.dead = True
            clock.owner = None
        region.idle.append((clock.now, call.skew, process))
        return result

    def _find_process(self, call: Call) -> Process:
        region, clock = call.region, self._clock
        while region.idle:
            used, skew, process = region.idle.pop()
            if clock.now - used < WARM_SECONDS:
                call.skew = skew
                return process
        clock.sleep(COLD_SECONDS)
        process = Process(region.cloud, self._network.now, self._network.sleep)
        with suppress(StoreError):  # as the entry points do when they are loaded
            process.trigger.list_rows()
        return process


@contextmanager
def deployed(clock: Clock, network: Network) -> Iterator[None]:
    """Let the deployed code call this network, and wait by this clock."""
    times = SimpleNamespace(
        time=network.now,
        sleep=network.sleep,
        strftime=time.strftime,
        gmtime=lambda seconds=None: time.gmtime(network.now() if seconds is None else seconds),
    )
    with (
        mock.patch.multiple(http_call, call=network.call, time=times),
        mock.patch.multiple(aws, call=network.call, time=times),
        mock.patch.multiple(azure, call=network.call, time=times),
        mock.patch.object(gcp, "time", times),
        mock.patch.object(watch, "time", times),
        mock.patch.object(azure_watch, "time", times),
        mock.patch.object(watch, "ThreadPoolExecutor", lambda workers, initializer: Pool(clock, workers)),
    ):
        assert vars(numerai_api)["call_until_answered"] is http_call.call_until_answered
        yield
