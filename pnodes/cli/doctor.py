"""`pnodes doctor`: whether everything that `pulumi up` and a round need is there, and what mends what is not."""

import json
import os
from dataclasses import asdict
from typing import Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson, StackOption
from pnodes.pulumi import Pulumi

_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "not checked": "dim"}


def doctor(stack: StackOption = None, as_json: AsJson = False) -> None:
    """Check the engine, the stack, nodes.yaml, the clouds that it names, their quotas, and Numerai. Changes nothing.

    Exit code 1 when something failed; each failure says the command that mends it.
    """
    from pnodes.doctor.examination import Patient, examine
    from pnodes.engine import find
    from providers.findings import Level, Section

    folder = project.project_folder()
    engine = find()
    pulumi = Pulumi(engine, folder, os.environ) if engine else None
    patient = Patient(folder, project.project_name(folder), pulumi, stack)
    console = Console(highlight=False, soft_wrap=True)
    found: list[Section] = []
    with Console(stderr=True).status("") as progress:
        for section in examine(patient, progress.update):
            found.append(section)
            if not as_json:
                _show(console, section)
    levels = [finding.level for section in found for finding in section.findings]
    if as_json:
        print(json.dumps(_document(found, Level.FAILED not in levels), indent=2))
    else:
        counts = [f"{levels.count(level)} {level}" for level in Level if level in levels]
        console.print(f"\n{', '.join(counts)}.")
    if Level.FAILED in levels:
        raise typer.Exit(1)


def _show(console: Console, section: Any) -> None:
    console.print(f"\n[bold]{section.title}[/]")
    for each in section.findings:
        console.print(f"  [{_STYLES[each.level]}]{each.level:<11}[/]", end=" ")
        console.print(f"{each.check}: {each.text}", markup=False)
        if each.mend:
            console.print(f"{'':14}-> {each.mend}", markup=False)


def _document(found: list[Any], well: bool) -> dict[str, Any]:
    sections = [{"title": one.title, "findings": [asdict(each) for each in one.findings]} for one in found]
    return {"ok": well, "sections": sections}
