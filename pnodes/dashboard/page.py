"""HTML from what is known: the whole page, or the parts of it that the open page exchanges.

Style and script stand in the page itself and are named to the browser by their hashes: the same page works from a
server and from a file, and nothing else that looks like a script or a style can run, wherever it came from.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from pnodes import wording
from pnodes.dashboard import words
from pnodes.dashboard.clocks import clock, summary
from pnodes.dashboard.story import Entry
from pnodes.dashboard.view import NodeView, node_view
from pnodes.dashboard.watch import Snapshot
from providers.prices import AS_OF

_FOLDER = files("pnodes.dashboard")


@dataclass(frozen=True)
class Part:
    """A part of the page that is exchanged as a whole when its version is another."""

    id: str
    html: str

    @property
    def version(self) -> str:
        """Another one for another content."""
        return hashlib.sha256(self.html.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Log:
    """A log as it stands in a report: lines as (time, text)."""

    id: str
    title: str
    lines: Sequence[tuple[str, str]]
    said: str


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("pnodes.dashboard"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(iso=wording.stamp, moment=words.moment, day=wording.day, duration=words.duration, usd=words.usd)
    made.globals.update(plural=words.plural, log_id=log_id)
    return made


def asset(name: str) -> str:
    """The text of page.css or page.js."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def policy(connect: str, own: Sequence[str]) -> str:
    """The content security policy for the style and the script `own`; `connect` is what the script may talk to."""
    style, script = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in own)
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; connect-src {connect}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def log_id(node: str, run_id: str) -> str:
    """The anchor of a run's log in a report."""
    return f"log-{node}-{run_id}"


def parts(snapshot: Snapshot, logs: Mapping[str, Log] | None = None, now: datetime | None = None) -> list[Part]:
    """The page's parts in their order. `logs` are those that the report holds, by id; None: they are asked for."""
    now = now or datetime.now(UTC)
    nodes = [node_view(snapshot, name, now) for name in snapshot.deployment.nodes]
    clocks = [clock(snapshot, name, nodes, now) for name in snapshot.deployment.tournaments]
    shared: dict[str, Any] = {"now": now, "logs": logs, "live": logs is None}
    top = {"clocks": clocks, "summary": summary(snapshot, nodes), "nodes": nodes, "problems": snapshot.problems}
    made = [Part("top", _render(snapshot, "top.html", **shared, **top))]
    made += [Part(f"node-{one.node.name}", _render(snapshot, "node.html", **shared, **_told(one))) for one in nodes]
    return made


def page(snapshot: Snapshot, made: Sequence[Part], logs: Sequence[Log] | None = None) -> str:
    """The whole document: served when `logs` is None, else a report."""
    style, script = asset("page.css"), asset("page.js")
    now = datetime.now(UTC)
    facts = {
        "title": snapshot.deployment.title,
        "parts": [(part, Markup(part.html)) for part in made],  # noqa: S704 - made by the templates here, which escape
        "kept": Markup(_render(snapshot, "logs.html", logs=logs)) if logs is not None else "",  # noqa: S704
        "made": now,
        "zone": wording.zone(now),
        "prices": AS_OF,
        "live": logs is None,
        "style": Markup(style),  # noqa: S704 - files of this package
        "script": Markup(script),  # noqa: S704
        "policy": policy("'none'", (style, script)),
    }
    return _environment().get_template("page.html").render(**facts)


def _told(one: NodeView) -> dict[str, Any]:
    triggered: dict[str, Entry] = {each.entry.run.id: each.entry for each in one.triggers if each.entry.run}
    return {"one": one, "triggered": triggered}


def _render(snapshot: Snapshot, template: str, **facts: Any) -> str:
    return snapshot.scrubber.scrub(_environment().get_template(template).render(**facts))
