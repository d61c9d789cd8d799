"""The `pnodes` command: everything a person does between two `pulumi up`."""
