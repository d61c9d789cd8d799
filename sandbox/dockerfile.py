"""The reader of Dockerfiles, as the process executor's builds use it."""

from dockerfiles.recipe import DockerfileError, Recipe, Step, read

__all__ = ["DockerfileError", "Recipe", "Step", "read"]
