"""`pnodes doctor`: checks the prerequisites of `pulumi up` and of a round, and shows how to fix each failure."""

import json
import os
from dataclasses import asdict
from typing import Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson, StackOption
from pnodes.pulumi import Pulumi, check_providers

_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "not checked": "dim"}


def doctor(stack: StackOption = None, as_json: AsJson = False) -> None:
    """Check the engine, the stack, nodes.yaml, its clouds, their quotas, and Numerai. Changes nothing.

    Exits with 1 if a check failed; each failure names the command that fixes it.
    """
    from pnodes.doctor.examination import examine
    from pnodes.engine import find
    from providers.findings import Level, Section

    folder = project.project_folder()
    engine = find()
    check_providers(os.environ)
    pulumi = Pulumi(engine, folder, os.environ) if engine else None
    console = Console(highlight=False, soft_wrap=True)
    sections: list[Section] = []
    with Console(stderr=True).status("") as progress:
        for section in examine(folder, project.project_name(folder), pulumi, stack, progress.update):
            sections.append(section)
            if not as_json:
                _show(console, section)
    levels = [finding.level for section in sections for finding in section.findings]
    if as_json:
        document = {"ok": Level.FAILED not in levels, "sections": [asdict(section) for section in sections]}
        print(json.dumps(document, indent=2))
    else:
        counts = [f"{levels.count(level)} {level}" for level in Level if level in levels]
        console.print(f"\n{', '.join(counts)}.")
    if Level.FAILED in levels:
        raise typer.Exit(1)


def _show(console: Console, section: Any) -> None:
    console.print(f"\n[bold]{section.title}[/]")
    for finding in section.findings:
        console.print(f"  [{_STYLES[finding.level]}]{finding.level:<11}[/]", end=" ")
        console.print(f"{finding.check}: {finding.text}", markup=False)
        if finding.mend:
            console.print(f"{'':14}-> {finding.mend}", markup=False)
