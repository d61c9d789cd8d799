"""The exception that carries a sentence for the user: an image that does not build, a refused key."""


class Refusal(Exception):
    """A failure that is explained by its text: where, what was expected, what came, what to do.

    The user sees the text alone, without a traceback; `providers.patches` does that for dynamic resources.
    """
