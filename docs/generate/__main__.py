"""`python -m docs.generate`: rewrite the generated pages."""

from docs.generate.pages import write

write()
