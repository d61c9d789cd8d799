"""Whether a machine, its stack and its clouds are ready for `pulumi up`: what `pnodes doctor` asks, and what it found.

`examination` has the order and what runs at the same time; `pulumi`, `plugins`, `nodes`, `aws`, `gcp`, `azure` and
`numerai` ask. Nothing is changed anywhere; a cloud that nodes.yaml does not name is not asked. Clouds are asked with
the stack's own credentials, by the room `operations`.
"""
