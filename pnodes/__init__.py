"""What prediction nodes need day by day: the `pnodes` command and the code behind it."""
