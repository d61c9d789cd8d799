"""The Pulumi program: reads and checks nodes.yaml, builds every node, and registers the webhooks at Numerai."""

import pulumi

from nodefile import NodeFileError
from nodefile.settings import dump_settings
from providers.checks import list_notes, list_rights, load_checked
from providers.clouds import register
from providers.images.model_files import list_missing_models
from providers.numerai.webhook import register_webhooks
from providers.patches import patch_program
from providers.stack import load_stack

try:
    file = load_checked("nodes.yaml", pulumi.get_project(), pulumi.get_stack()).select(pulumi.get_stack())
except NodeFileError as error:
    raise pulumi.RunError(f"nothing was changed, since nodes.yaml has mistakes:\n{error}") from None

for name, note in [*list_notes(file).items(), *list_rights(file).items()]:
    pulumi.log.info(f"{name}: {note}")
for name, sentence in list_missing_models(file.nodes).items():
    pulumi.log.warn(f"{name}: {sentence}")

patch_program()
stack = load_stack(file.with_rescues)
nodes = register(file.with_rescues, stack)
register_webhooks(file.nodes, nodes, stack)

pulumi.export("webhooks", pulumi.Output.secret({name: node.webhook_url for name, node in nodes.items()}))
# Not secret, but marked as such: `pulumi up` would print a dozen lines for each node. `pnodes status` shows them.
pulumi.export("settings", pulumi.Output.secret(dump_settings(file)))
pulumi.export("nodes", pulumi.Output.secret({name: node.summary(stack) for name, node in nodes.items()}))
