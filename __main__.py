"""The whole story: read nodes.yaml, check it against what each cloud can do, build every node, tell Numerai."""

import pulumi

from nodefile import NodeFileError
from nodefile.settings import dump_settings
from providers.checks import load_checked, notes
from providers.clouds import register
from providers.numerai.webhook import register_webhooks
from providers.stack import current_stack

try:
    file = load_checked("nodes.yaml", pulumi.get_project(), pulumi.get_stack())
except NodeFileError as error:
    raise pulumi.RunError(f"nothing was touched, since nodes.yaml has mistakes:\n{error}") from None

for name, note in notes(file).items():
    pulumi.log.info(f"{name}: {note}")

stack = current_stack(file.nodes)
built = register(file.nodes, stack)
register_webhooks(file.nodes, built, stack)

pulumi.export("webhooks", pulumi.Output.secret({name: node.webhook_url for name, node in built.items()}))
pulumi.export("settings", dump_settings(file))
pulumi.export("nodes", {name: node.summary(stack) for name, node in built.items()})
