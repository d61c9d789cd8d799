"""The code that is deployed as each node's webhook.

`core` decides (is this request Numerai's, is this round already claimed, start the job or not), `aws`, `gcp` and
`azure` are its thin entries with the two things that differ between clouds: how a claim is stored and how a job is
started. `archive` packs core and one entry into the few kilobytes that a cloud runs. Nothing here imports Pulumi.
"""
