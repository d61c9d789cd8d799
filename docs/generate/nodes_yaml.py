"""nodes-yaml.md: every key that the model of nodes.yaml has, with its default as the reader of the file fills it in."""

from __future__ import annotations

import tempfile
from pathlib import Path
from textwrap import indent

from docs.generate.markdown import table
from nodefile import Node, load
from nodefile.keys import Inherit, Key
from nodefile.model import MAX_NAME
from nodefile.node import FIELDS, KEYS, REQUIRED
from nodefile.problems import listed
from providers.clouds import list_clouds

_LEAST = {"model": "model: my-model", "cloud": "cloud: aws", "source": "source: examples/tournament-python"}


def page() -> str:
    """The page's text."""
    node = _load(list(_LEAST.values()))
    rows = [
        [f"[`{name}`](#{name})", key.about, "required" if name in REQUIRED else _default(name, node)]
        for name, key in KEYS.items()
    ]
    return f"""\
# nodes.yaml

<!-- Made by `python -m docs.generate` from nodefile/node.py and providers/*/limits.py. -->

One file says which nodes there are. `nodes` has an entry for each, by name; `defaults` holds what all share and takes
the same keys but {_named(Inherit.NEVER)}. A node's own value wins; {_named(Inherit.MERGE)} of both are put together.

```yaml
# yaml-language-server: $schema=nodes.schema.json
defaults:
  size: gen-sm
  tags: {{owner: me}}
nodes:
  alpha:
    model: my-model
    cloud: aws
    source: examples/tournament-python
```

A node's name has 2 to {MAX_NAME} lower-case letters, digits and single hyphens, and begins with a letter. It is part of
what its resources are called, so another name is another node.

`pnodes validate`, and every preview, names each mistake with its line: unknown keys, wrong types, and what the node's
cloud cannot do. The first line gives completion in editors that know YAML schemas, as VS Code's YAML extension does.

{table(["key", "what", "default"], rows)}
{"".join(_section(name, key, node) for name, key in KEYS.items()).rstrip()}
"""


def _named(inherit: Inherit) -> str:
    """The keys that are inherited in a way."""
    return listed([f"`{name}`" for name, key in KEYS.items() if key.inherit is inherit], "and")


def _section(name: str, key: Key, node: Node) -> str:
    # Each example is read as a user's file would be, so that none is wrong. A key that it has itself is not repeated.
    _load([line for own, line in _LEAST.items() if not key.example.startswith(f"{own}:")] + key.example.splitlines())
    return f"""\
## {name}

{key.about}

- Value: {key.value}
- Default: {"none, each node has one" if name in REQUIRED else _default(name, node)}
- Clouds: {_clouds(name, key)}

```yaml
{key.example}
```

{key.more + chr(10) * 2 if key.more else ""}"""


def _clouds(name: str, key: Key) -> str:
    """Where a key works, and how a cloud differs."""
    clouds = list_clouds()
    remarks = [f"{cloud.title}: {cloud.remarks[name]}" for cloud in clouds if name in cloud.remarks]
    everywhere = key.clouds or ("all three" if 0 < len(remarks) < len(clouds) else "")
    return "; ".join(filter(None, [everywhere, *remarks])) or "all three, alike"


def _default(name: str, node: Node) -> str:
    """The value of a node that leaves the key out."""
    value = getattr(node, FIELDS[name])
    return KEYS[name].default or ("none" if value in (None, {}) else f"`{KEYS[name].show(value)}`")


def _load(lines: list[str]) -> Node:
    """A node with these lines, in a folder that has the examples' names."""
    with tempfile.TemporaryDirectory() as folder:
        for source in ("tournament-python", "shared-package/model_1"):
            model = Path(folder, "examples", source)
            model.mkdir(parents=True)
            (model / "Dockerfile").touch()
        text = "nodes:\n  node:\n" + indent("\n".join(lines), "    ") + "\n"
        Path(folder, "nodes.yaml").write_text(text, encoding="utf-8")
        return load(Path(folder, "nodes.yaml")).nodes[0]
