"""Describes the changes of a preview node by node, for the terminal and for the comment on a pull request."""
