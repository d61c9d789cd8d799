"""Run a node's model on this machine, as a process or in a container, with the environment that it has in its cloud.

Model files that it writes stay in the source folder, and nothing is submitted without --submit."""
