"""Pulumi mocks: what each cloud's provider would answer, as far as the components read it."""
