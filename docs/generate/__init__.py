"""Pages of the site that are made from code: what nodes.yaml may hold, sizes, the commands, what lies in each cloud.

They are committed, so that they can be read where the code is read; tests/docs/test_generated.py compares them with
what the code says now. `python -m docs.generate` writes them anew.
"""
