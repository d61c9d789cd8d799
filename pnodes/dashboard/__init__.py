"""A page of all nodes: rounds, runs, submissions, cost and logs, served on this machine or written to one file.

`deployment` describes the deployed nodes, `sources` and `watch` query them, `story` combines the answers,
`view` and `plots` lay them out, `page` renders HTML, `server` and `report` deliver it. The dashboard is read-only.
"""
