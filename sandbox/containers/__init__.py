"""Builds and jobs in real containers: an engine (podman or docker), a registry on loopback, base images, runs.

`choice` decides whether this machine can, `images` and `runner` take the places of the process executor's.
"""
