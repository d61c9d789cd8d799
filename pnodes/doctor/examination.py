"""The order of the checks, and what runs at the same time: the stack and nodes.yaml first, then everything they name.

Sections are given out in their order, each as soon as it and those before it are known. What cannot be asked without
the stack's secrets is told as not checked, with the reason that stands further up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nodefile import Node, NodeFile
from nodefile.clouds import REGIONS
from pnodes.doctor import nodes, numerai, plugins, pulumi
from pnodes.pulumi import Pulumi
from providers.clouds import find_cloud
from providers.findings import Finding, Place, Section, collected, skipped

_AT_ONCE = 8
_CLOSED = "the stack's settings could not be read, see above."


@dataclass(frozen=True)
class Patient:
    """A project: its folder and name, the engine if there is one, and the stack if one was named."""

    folder: Path
    project: str
    pulumi: Pulumi | None
    stack: str | None = None


def examine(patient: Patient, tell: Callable[[str], None] = lambda _: None) -> Iterator[Section]:
    """All sections in their order; `tell` hears what is waited for."""
    tell("Pulumi ...")
    stack = pulumi.OpenStack(patient.project)
    findings = pulumi.examine(stack, patient.pulumi, patient.stack)
    yield Section("Pulumi", tuple(collected("stack", findings)))
    file, said = nodes.read(patient.folder, patient.project, stack.name)
    yield Section("nodes.yaml", tuple(said))
    if file is None or not file.nodes:
        return
    todo = _named(file, patient, stack)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting: list[tuple[str, Future[tuple[Finding, ...]]]] = [
            (title, pool.submit(_asked, check)) for title, check in todo
        ]
        for title, future in waiting:
            tell(", ".join(each for each, one in waiting if not one.done()) + " ...")
            yield Section(title, future.result())


def _asked(check: Callable[[], Iterable[Finding]]) -> tuple[Finding, ...]:
    return tuple(check())


def _named(
    file: NodeFile, patient: Patient, stack: pulumi.OpenStack
) -> list[tuple[str, Callable[[], Iterable[Finding]]]]:
    """What nodes.yaml names: plugins, each cloud's regions, each account of Numerai's."""
    todo: list[tuple[str, Callable[[], Iterable[Finding]]]] = []
    if patient.pulumi is not None:
        wanted = plugins.wanted([node.cloud for node in file.nodes], any(n.build.docker for n in file.nodes))
        todo.append(("plugins", partial(plugins.examine, wanted, patient.pulumi)))
    for cloud, region in sorted({(node.cloud, node.region) for node in file.nodes}, key=_in_order):
        place = Place(
            cloud,
            region,
            tuple(node for node in file.nodes if (node.cloud, node.region) == (cloud, region)),
            stack.configured,
            {
                name: facts
                for name, facts in stack.nodes.items()
                if (facts["cloud"], facts["region"]) == (cloud, region)
            },
        )
        todo.append((f"{find_cloud(cloud).title}, {region}", partial(_cloud, place, stack.opened)))
    for account in sorted({node.account for node in file.nodes}, key=lambda name: name or ""):
        own = [node for node in file.nodes if node.account == account]
        todo.append((numerai.title(account), partial(_numerai, account, own, stack)))
    return todo


def _in_order(place: tuple[str, str]) -> tuple[int, str]:
    return list(REGIONS).index(place[0]), place[1]


def _cloud(place: Place, opened: bool) -> Iterable[Finding]:
    if not opened:
        return [skipped("credentials", _CLOSED)]
    cloud = find_cloud(place.cloud)
    return collected("credentials", cloud.examine(place), cloud.sign_in)


def _numerai(account: str | None, own: Sequence[Node], stack: pulumi.OpenStack) -> Iterable[Finding]:
    return numerai.examine(account, own, stack.setting) if stack.opened else [skipped("keys", _CLOSED)]
