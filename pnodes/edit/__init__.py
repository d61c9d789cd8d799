"""Edits of nodes.yaml by a command, and the example folders that new nodes start from."""
