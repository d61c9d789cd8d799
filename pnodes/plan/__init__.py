"""What a preview would change, told in the nodes' own terms: for a person, and for the comment on a pull request."""
