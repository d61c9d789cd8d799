"""The deployed stack: its nodes, the clouds that they run on, and a check of one round from end to end."""
