"""The exception for failures that the user can solve, such as a failed image build or a refused key."""


class Refusal(Exception):
    """A failure whose text says where it happened, what was expected, what was found and what to do.

    The user sees only the text, without a traceback; for dynamic resources, `providers.patches` ensures this.
    """
