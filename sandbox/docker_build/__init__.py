"""Simulates Pulumi's provider docker-build and a local Docker: builds the user's folder and pushes with a login."""
