"""Why there is no release."""


class ReleaseError(Exception):
    """One line that says what is wrong."""
