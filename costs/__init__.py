"""What nodes cost: a dated table of the clouds' list prices, and sums over it. Knows nodes and limits, not Pulumi."""
