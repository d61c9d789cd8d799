"""Translates the nodes of numerai-cli into entries of nodes.yaml, and lists the differences."""
