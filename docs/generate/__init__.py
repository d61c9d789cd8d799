"""Generate the site's pages about keys of nodes.yaml, sizes, commands and resources from the code.

The pages are committed, so that they can be read next to the code. tests/docs/test_generated.py compares them with the
code's current output; `python -m docs.generate` rewrites them.
"""
