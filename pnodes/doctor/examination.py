"""Run the checks: first the stack and nodes.yaml, then everything that nodes.yaml names, in parallel.

Sections are yielded in their order, each as soon as it and the previous ones are complete. Checks that need the stack's
secrets are reported as not checked if the secrets cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from nodefile import Node, NodeFile
from nodefile.clouds import REGIONS
from pnodes.doctor import nodes as nodes_file
from pnodes.doctor import numerai, own_secrets, plugins, pulumi
from pnodes.pulumi import Pulumi
from providers.clouds import find_cloud
from providers.findings import Finding, Place, Section, collect, skipped

_AT_ONCE = 8
_CLOSED = "the stack's settings could not be read, see above."


def examine(
    folder: Path, project: str, engine: Pulumi | None, chosen: str | None, tell: Callable[[str], None]
) -> Iterator[Section]:
    """Yield all sections on a project in their order. `chosen` is the stack if the user named one.

    Calls `tell` with the titles of the sections that are still running.
    """
    tell("Pulumi ...")
    stack = pulumi.OpenStack(project)
    yield Section("Pulumi", tuple(collect("stack", pulumi.examine(stack, engine, chosen))))
    file, file_findings = nodes_file.read(folder, project, stack.name)
    yield Section("nodes.yaml", tuple(file_findings))
    if file is None or not file.nodes:
        return
    checks = _list_checks(file, engine, stack)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running: list[tuple[str, Future[tuple[Finding, ...]]]] = [
            (title, pool.submit(tuple, findings)) for title, findings in checks
        ]
        for title, future in running:
            tell(", ".join(name for name, other in running if not other.done()) + " ...")
            yield Section(title, future.result())


def _list_checks(file: NodeFile, engine: Pulumi | None, stack: pulumi.OpenStack) -> list[tuple[str, Iterable[Finding]]]:
    """List the checks of the plugins, of each cloud's regions and of each Numerai account, with their titles."""
    checks: list[tuple[str, Iterable[Finding]]] = []
    deployable = file.with_rescues
    if engine is not None:
        needed = plugins.list_needed([node.cloud for node in deployable], any(node.build.docker for node in file.nodes))
        checks.append(("plugins", plugins.examine(needed, engine)))
    for cloud, region in sorted({(node.cloud, node.region) for node in deployable}, key=_sort_key):
        here = (cloud, region)
        nodes = tuple(node for node in deployable if (node.cloud, node.region) == here)
        deployed = {name: facts for name, facts in stack.nodes.items() if (facts["cloud"], facts["region"]) == here}
        place = Place(cloud, region, nodes, stack.configured, deployed)
        checks.append((f"{find_cloud(cloud).title}, {region}", _examine_cloud(place, stack.opened)))
    if any(node.secrets for node in file.nodes):
        checks.append(("secrets", _examine_secrets(file.nodes, stack)))
    for account in sorted({node.account for node in file.nodes}, key=lambda name: name or ""):
        nodes_of_account = [node for node in file.nodes if node.account == account]
        checks.append((numerai.title(account), _examine_account(account, nodes_of_account, stack)))
    return checks


def _sort_key(place: tuple[str, str]) -> tuple[int, str]:
    return list(REGIONS).index(place[0]), place[1]


def _examine_cloud(place: Place, opened: bool) -> Iterable[Finding]:
    if not opened:
        return [skipped("credentials", _CLOSED)]
    cloud = find_cloud(place.cloud)
    return collect("credentials", cloud.examine(place), cloud.sign_in)


def _examine_secrets(nodes: Sequence[Node], stack: pulumi.OpenStack) -> Iterable[Finding]:
    if not stack.opened:
        return [skipped("secrets", _CLOSED)]
    return own_secrets.examine(nodes, stack.project, stack.config)


def _examine_account(account: str | None, nodes: Sequence[Node], stack: pulumi.OpenStack) -> Iterable[Finding]:
    return numerai.examine(account, nodes, stack.setting) if stack.opened else [skipped("keys", _CLOSED)]
