"""How messages say a number of things."""


def counted(count, noun):
    """Returns `1 file` or `2 files`: the number, and the noun as it goes with it."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def some(names, most):
    """Returns the first names with commas between, and how many more there are: `a, b, c and 4 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
