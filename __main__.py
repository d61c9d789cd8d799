"""The whole story: read nodes.yaml, check it against what each cloud can do, build every node, export the webhooks."""

import pulumi

from nodefile import NodeFileError
from providers import register
from providers.checks import load_checked
from providers.stack import current_stack

try:
    nodes = load_checked("nodes.yaml", pulumi.get_project(), pulumi.get_stack()).nodes
except NodeFileError as error:
    raise pulumi.RunError(f"nothing was touched, since nodes.yaml has mistakes:\n{error}") from None

stack = current_stack(nodes)
built = register(nodes, stack)

pulumi.export("webhooks", pulumi.Output.secret({name: node.webhook_url for name, node in built.items()}))
pulumi.export("nodes", {name: node.summary(stack) for name, node in built.items()})
