"""Generate nodes-yaml.md: every key that nodes.yaml may contain, with the default that the parser uses."""

from __future__ import annotations

import tempfile
from pathlib import Path
from textwrap import indent

from docs.generate.markdown import table
from nodefile import Node, load
from nodefile.keys import Inherit, Key
from nodefile.model import MAX_NAME
from nodefile.node import FIELDS, KEYS, REQUIRED
from nodefile.problems import join_words
from providers.clouds import list_clouds

_MINIMUM = {"model": "model: my-model", "cloud": "cloud: aws", "source": "source: examples/tournament-python"}


def page() -> str:
    """Return the page's text."""
    node = _load(list(_MINIMUM.values()))
    rows = [
        [f"[`{name}`](#{name})", key.about, "required" if name in REQUIRED else _default(name, node)]
        for name, key in KEYS.items()
    ]
    return f"""\
# nodes.yaml

<!-- Made by `python -m docs.generate` from nodefile/node.py and providers/*/limits.py. -->

This file describes all your nodes. `nodes` has an entry for each node, by name. `defaults` has values for all nodes,
with the same keys except {_list_keys(Inherit.NEVER)}. A node's own value replaces the default; the entries of
{_list_keys(Inherit.MERGE)} are merged.

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

`stacks` is optional and [divides the nodes among several stacks](#several-stacks).

A node's name has 2 to {MAX_NAME} lower-case letters, digits and single hyphens, and begins with a letter. It is part of
the names of the node's resources, so renaming a node replaces it.

`pnodes validate` and every preview report each mistake with its line: unknown keys, wrong types, and values that the
node's cloud does not support. The first line enables completion in editors that support YAML schemas, such as VS Code
with its YAML extension.

{table(["key", "meaning", "default"], rows)}
{"".join(_section(name, key, node) for name, key in KEYS.items()).rstrip()}

## Several stacks

Without `stacks`, every stack has all nodes. With it, each stack takes its part of them, so a large fleet is updated in
parts, also at the same time (`pulumi up --stack aws` in one terminal and `pulumi up --stack europe` in another):

```yaml
stacks:
  aws: {{cloud: aws}}
  europe: {{region: [europe-west1, westeurope]}}
  trial: {{nodes: [alpha, beta]}}
```

Each stack selects its nodes by `cloud`, by `region` or by name (`nodes`). If several stacks could take a node, a list
of nodes comes before a region, and a region before a cloud. Every node must belong to one stack. `pnodes status`,
`logs` and the other commands that show or operate nodes find them in all stacks; `--stack` limits them to one.
[Large fleets](scale.md) says when to divide a fleet. Moving a deployed node to another stack creates it there and
deletes it in the old one: update the new stack first.
"""


def _list_keys(inherit: Inherit) -> str:
    """Return the keys that are inherited in this way."""
    return join_words([f"`{name}`" for name, key in KEYS.items() if key.inherit is inherit], "and")


def _section(name: str, key: Key, node: Node) -> str:
    # Parse each example as a user's file, so that none is wrong. A key that the example itself has is not repeated.
    own = {line.partition(":")[0] for line in key.example.splitlines()}
    left_out = {*own, "source"} if "pickle" in own else own
    minimum = [line for name, line in _MINIMUM.items() if name not in left_out]
    _load(minimum + key.example.splitlines())
    return f"""\
## {name}

{key.about}

- Value: {key.value}
- Default: {"none, the key is required" if name in REQUIRED else _default(name, node)}
- Clouds: {_clouds(name, key)}

```yaml
{key.example}
```

{key.more + chr(10) * 2 if key.more else ""}"""


def _clouds(name: str, key: Key) -> str:
    """Return the clouds on which a key works, with their differences."""
    clouds = list_clouds()
    remarks = [f"{cloud.title}: {cloud.remarks[name]}" for cloud in clouds if name in cloud.remarks]
    general = key.clouds or ("all three" if len(remarks) < len(clouds) else "")
    return "; ".join(filter(None, [general, *remarks]))


def _default(name: str, node: Node) -> str:
    """Return the value of a node without the key."""
    value = getattr(node, FIELDS[name])
    return KEYS[name].default or ("none" if value in (None, {}, ()) else f"`{KEYS[name].show(value)}`")


def _load(lines: list[str]) -> Node:
    """Parse a node with these lines, next to folders with the examples' names."""
    with tempfile.TemporaryDirectory() as folder:
        for source in ("tournament-python", "shared-package/model_1"):
            model = Path(folder, "examples", source)
            model.mkdir(parents=True)
            (model / "Dockerfile").touch()
        Path(folder, "model.pkl").write_bytes(b"\x80\x04N.")
        text = "nodes:\n  node:\n" + indent("\n".join(lines), "    ") + "\n"
        Path(folder, "nodes.yaml").write_text(text, encoding="utf-8")
        return load(Path(folder, "nodes.yaml")).nodes[0]
