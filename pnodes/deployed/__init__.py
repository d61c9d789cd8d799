"""The deployed stack: its nodes, the clouds that they run on, and an end-to-end check of one round."""
