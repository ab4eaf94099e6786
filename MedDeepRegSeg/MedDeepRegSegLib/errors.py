"""The errors that every door (panel, logic, command) shows to a person.

A message says what was wrong, what was expected, and what to do about it.
"""


class InputError(ValueError):
    """The input of the user cannot be used. The message is one clear line that says what to do."""


class Canceled(Exception):
    """The user canceled the work. Nothing was written and no node was changed."""


class MissingPackageError(ImportError):
    """An optional package is needed for this and is not installed. The message says how to get it."""
