"""One node's model on this machine, with the environment that it would have in its cloud: as a process or in a
container, its model files left in the source folder, and nothing submitted unless that is asked for."""
