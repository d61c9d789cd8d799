"""`python -m docs.generate`: write the generated pages anew."""

from docs.generate.pages import write

write()
