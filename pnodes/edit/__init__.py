"""Edits nodes.yaml for the commands, and copies the example folders from which new nodes start."""
