"""The code that is deployed as the webhook of a region's nodes.

`core` answers a request: `calls` reads it, `table` knows the nodes, `starts` starts a job once with the help of
`claims`. `watch` looks after open rounds, with `partner`, `job_runs` and `numerai_api`, and `alerts` tells people.
`aws`, `gcp` and `azure` are the entries, with the two things that differ between clouds: how a claim is stored and how
a job is started. `http_call` makes their calls. `archive` packs this package, without the other clouds' modules, into
the zip of some 40 KiB that a cloud runs. Nothing here imports Pulumi.
"""
