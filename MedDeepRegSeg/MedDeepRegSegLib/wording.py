"""Words that depend on numbers."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, which gets an ``s`` unless there is one.

    Examples
    --------
    >>> counted(1, "case"), counted(0, "case")
    ('1 case', '0 cases')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def by_number(number: int, one: str, several: str) -> str:
    """Return the word for one thing, or that for none or several: ``by_number(1, "has", "have")`` is ``"has"``."""
    return one if number == 1 else several
