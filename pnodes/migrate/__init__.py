"""Coming from other tools: what they have written about a node, in terms of nodes.yaml, and what is different here."""
