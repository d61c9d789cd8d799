"""Removes each right of a cloud's identities for real, and lets them work: something must fail."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from pnodes.urn import split_urn
from sandbox.store import Store
from tests.e2e.nodes import models, node, nodes
from tests.e2e.world import World
from tests.reliability.rights.held import Right, list_rights
from tests.reliability.rights.real import find_reason
from tests.reliability.rights.work import FAILURE, FEATURES, OTHER, open_round, prepare, read_inbox, start_passes

_SLOWER, _LEAST = 3, 10
"""How much longer than with all rights the work may take, and how many seconds at least."""
_TRIGGER = {
    "gcp": "gcp:cloudfunctionsv2/function:Function",
    "azure": "pulumi-python:dynamic/prediction-nodes:FunctionCode",
}
"""What is replaced so that the trigger is built or published again."""
_MAILS = 2
_PATIENCE = 300.0
"""How long a build with all rights may take."""


@dataclass(frozen=True)
class Outcome:
    """What happened without a right: what failed, or nothing."""

    cloud: str
    identity: str
    right: str
    failed: str
    reason: str
    """Why a real cloud needs the right although nothing failed."""


class Stage:
    """A stack with a node of one cloud, and the rescue of a node of another cloud that is down."""

    def __init__(self, cloud: str, folder: Path) -> None:
        self.cloud = cloud
        self.world = world = World(folder / cloud, folder / "environments", "nodes: {}\n")
        self._rescued = next(each for each, other in OTHER.items() if other == cloud)
        self._models = {name: each["id"] for name, each in zip((cloud, self._rescued), models(world), strict=False)}
        world.nodes(self._write_nodes())
        prepare(world)
        self.store = Store(world.home)
        self._set_outage(True)
        began = time.monotonic()
        self._seconds = _PATIENCE
        failed = self.work()
        assert not failed, f"{cloud}: {failed} fails with all rights: {world.runs()}"
        self._seconds = max(_LEAST, _SLOWER * (time.monotonic() - began))

    def _write_nodes(self) -> str:
        texts = []
        for name, id_ in self._models.items():
            features = FEATURES[name].partition("rescue:")[0] if name == self.cloud else FEATURES[name]
            lines = node(f"on-{name}", name, extra=features).splitlines()
            texts += [f"    model: {id_}" if line.startswith("    model:") else line for line in lines]
        return nodes("\n".join(texts) + "\n")

    def work(self) -> str:
        """Open a round; return what did not happen in time, of all that must, or nothing."""
        self.world.control.post("/cold-start").raise_for_status()
        beats, lines = len(read_inbox(self.world, "heartbeat")), self._count_lines()
        number = open_round(self.world)
        deadline = time.monotonic() + self._seconds
        while True:
            start_passes(self.world)
            happened = self._list_messages(number) | self._list_submissions(number)
            happened["the heartbeat"] = len(read_inbox(self.world, "heartbeat")) > beats
            happened["the trigger's log"] = self._count_lines() > lines
            missing = [what for what, has in happened.items() if not has]
            if not missing or time.monotonic() > deadline:
                return missing[0] if missing else ""
            time.sleep(0.1)

    def _list_messages(self, number: int) -> dict[str, bool]:
        """Return which alerts about a round have arrived."""
        inbox = [each for each in read_inbox(self.world, "discord", "email") if str(number) in json.dumps(each)]
        texts = [each["text"] for each in inbox if each["kind"] == "discord"]
        mails = [each for each in inbox if each["kind"] == "email" and each["cloud"] == self.cloud]
        failures = [text for text in texts if "the run failed" in text]
        return {
            "the message about the failed run": bool(failures),
            "the end of its log": self.cloud != "aws" or any(FAILURE in text for text in failures),
            "the message about the submission": any("submission after all" in text for text in texts),
            "the e-mails": len(mails) >= _MAILS,
        }

    def _count_lines(self) -> int:
        logs: dict[str, list[object]] = self.world.control.get("/functions").json()["functions"]
        return sum(len(lines) for name, lines in logs.items() if name.startswith(self.cloud))

    def _list_submissions(self, number: int) -> dict[str, bool]:
        items = self.world.control.get("/submissions").json()["submissions"]
        sent = {item["model_id"] for item in items if item["round"] == number}
        return {
            "the submission": self._models[self.cloud] in sent,
            "the rescue": self._models[self._rescued] in sent,
        }

    def build(self, right: Right | None = None) -> str:
        """Let `up` build another image, or the trigger, without a right; return what failed, or nothing.

        The right comes back when the build takes too long, since `up` repeats one that was denied something.
        """
        options: list[str] = []
        if right and _is_of_trigger(right):
            state = json.loads(self.world.cli.run("stack", "export"))["deployment"]["resources"]
            urns = [each["urn"] for each in state if each["type"] == _TRIGGER[self.cloud]]
            (urn,) = (urn for urn in urns if split_urn(urn).name.startswith(f"{self.cloud}-"))
            options = ["--replace", urn]
        else:
            predict = self.world.project / "quick" / "predict.py"
            predict.write_text(f"{predict.read_text()}# edited\n")
        self._set_outage(False)
        with ThreadPoolExecutor(1) as threads, right.removed(self.store) if right else nullcontext():
            up = threads.submit(self.world.cli.run, "up", "--yes", "--skip-preview", *options)
            finished, _ = wait([up], self._seconds if right else _PATIENCE)
        self._set_outage(True)
        if finished and not up.exception():
            return ""
        return "`up`" if finished else "the build, which `up` repeats"

    def _set_outage(self, down: bool) -> None:
        self.world.control.post("/outage", json={"cloud": self._rescued, "down": down}).raise_for_status()


def try_all(cloud: str, folder: Path) -> Iterator[Outcome]:
    """Remove each right of a cloud's identities in turn."""
    stage = Stage(cloud, folder)
    try:
        # Those of the trigger's own build last: trying them replaces the trigger.
        for right in sorted(list_rights(cloud, stage.store), key=_is_of_trigger):
            yield _try(stage, right)
    finally:
        stage.world.stop()


def _is_of_trigger(right: Right) -> bool:
    """Return whether a right serves to build or publish the trigger."""
    return "build-triggers" in right.identity or right.identity.endswith(("-host", "-host-events"))


def _try(stage: Stage, right: Right) -> Outcome:
    if _is_of_trigger(right) or "-build" in right.identity:
        failed = stage.build(right)
        if failed:
            again = stage.build()
            assert not again, f"{right}: {again} fails although the right is back"
    else:
        with right.removed(stage.store):
            failed = stage.work()
    return Outcome(right.cloud, right.identity, right.what, failed, "" if failed else find_reason(str(right)))
