"""Words that depend on numbers, and words that people write in several ways."""


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


def folded_name(name: str) -> str:
    """Return the name of a column without what people write differently: case, and spaces or underscores.

    Examples
    --------
    >>> folded_name(" Equivalent Diameter_mm")
    'equivalent_diameter_mm'
    """
    return "_".join(name.casefold().replace("_", " ").split())
