"""The code that is deployed as the webhook of a region's nodes.

`core` decides (is this request Numerai's, is this round already claimed, start the job or not), `aws`, `gcp` and
`azure` are its thin entries with the two things that differ between clouds: how a claim is stored and how a job is
started. `archive` packs this package, without the other clouds' modules, into the few kilobytes that a cloud runs.
Nothing here imports Pulumi.
"""
