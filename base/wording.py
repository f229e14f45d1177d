"""How messages say a number of things."""


def counted(count, noun):
    """Returns `1 file` or `2 files`: the number, and the noun as it goes with it."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
