"""The command line of `pnodes`: everything that a user does between two runs of `pulumi up`."""
