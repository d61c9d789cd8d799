"""The checks of `pnodes doctor`: whether this machine, the stack and the clouds are ready for `pulumi up`.

`examination` orders and runs the checks of `pulumi`, `plugins`, `nodes`, `numerai` and, in `providers`, of each cloud.
All checks are read-only. Only clouds that nodes.yaml names are queried, with the stack's own credentials.
"""
