"""What runs on the three clouds, seen by the person who deployed it: runs and their logs, the trigger's log, stopping.

One room, three clouds, the same names: `contract` says what every cloud answers, `aws`, `gcp` and `azure` ask by the
cloud's own API with the stack's own credentials. Only the clouds of the nodes that are asked for are imported.
"""
