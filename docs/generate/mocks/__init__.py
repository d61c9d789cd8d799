"""Pulumi mocks with the outputs of each cloud's provider that the components read."""
