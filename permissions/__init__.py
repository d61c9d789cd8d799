"""What the person or role that deploys must be allowed to do: a table for each cloud, from resource types to actions.

The files in docs/permissions are made of these tables; a test compares both, and the tables with what the program
registers: a resource type without a row fails it. Knows nothing of Pulumi and of nodes.
"""
