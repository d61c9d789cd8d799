"""nodes-yaml.md: every key that the model of nodes.yaml has, with its default as the reader of the file fills it in."""

from __future__ import annotations

import tempfile
from pathlib import Path
from textwrap import indent

from docs.generate.keys import KEYS, Key
from docs.generate.markdown import table
from nodefile import Node, load
from nodefile.clouds import REGIONS
from nodefile.entry import KEYS as NAMES
from nodefile.entry import Entry
from nodefile.model import MAX_NAME

_REQUIRED = ("model", "cloud", "source")
_LEAST = {"model": "model: my-model", "cloud": "cloud: aws", "source": "source: examples/tournament-python"}


def page() -> str:
    """The page's text."""
    if NAMES.keys() != KEYS.keys():
        raise ValueError(f"docs/generate/keys.py explains other keys than there are: {NAMES.keys() ^ KEYS.keys()}")
    node = _load(list(_LEAST.values()))
    rows = [
        [f"[`{key}`](#{key})", _description(key), "required" if key in _REQUIRED else _default(key, node)]
        for key in KEYS
    ]
    return f"""\
# nodes.yaml

<!-- Made by `python -m docs.generate` from nodefile/entry.py and docs/generate/keys.py. -->

One file says which nodes there are. `nodes` has an entry for each, by name; `defaults` holds what all share and takes
the same keys but `model`. A node's own value wins; `env` and `tags` of both are put together.

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
{"".join(_section(key, KEYS[key], node) for key in KEYS).rstrip()}
"""


def _section(key: str, about: Key, node: Node) -> str:
    lines = about.example.splitlines()
    # Each example is read as a user's file would be, so that none is wrong.
    # A key that the example has itself is not said twice.
    _load([line for name, line in _LEAST.items() if not about.example.startswith(f"{name}:")] + lines)
    return f"""\
## {key}

{_description(key)}

- Value: {about.kind}
- Default: {"none, each node has one" if key in _REQUIRED else _default(key, node)}
- Clouds: {about.clouds}

```yaml
{about.example}
```

{about.more + chr(10) * 2 if about.more else ""}"""


def _description(key: str) -> str:
    text = Entry.model_fields[NAMES[key]].description or ""
    return text.replace("docker: true", "`docker: true`")


def _default(key: str, node: Node) -> str:
    """What a node has that does not say."""
    if key == "region":
        return ", ".join(f"`{REGIONS[cloud]}`" for cloud in REGIONS)
    special = {
        "size": f"`{node.size.preset}`",
        "context": "`source`",
        "build": "`{docker: false}`: the image is built in the node's cloud",
        "timeout": f"`{node.timeout // 60}m`",
        "disk": "what the cloud gives",
        "command": "the image's",
        "account": "the unnamed one",
    }
    if key in special:
        return special[key]
    value = getattr(node, NAMES[key])
    if value in (None, {}):
        return "none"
    return f"`{str(value).lower()}`"


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
