"""Builds images and runs jobs in real containers, with podman or docker and a registry on loopback.

`choice` decides whether this machine can do so. `images` and `runner` replace those of the process executor.
"""
