"""A page of all nodes: rounds, runs, submissions, cost and logs, served on this machine or written as one file.

`deployment` is what is looked at, `sources` and `watch` ask for it, `story` and `spending` put it together, `view` and
`plots` lay it out, `page` writes HTML, `server` and `report` hand it over. Nothing here changes anything anywhere.
"""
