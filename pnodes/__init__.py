"""The `pnodes` command, which operates prediction nodes, and the code behind it."""
