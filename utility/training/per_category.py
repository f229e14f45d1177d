"""Flags that give each category its own value, such as `--category_epochs=skirt:40,dress:60`."""

from base.errors import UsageError


def parse(name, items):
    """Returns {category: number} from a flag's items, `category:number` each.

    Args:
        name: the flag's name, for messages.
        items: a list of str.

    Raises:
        UsageError: an item of another form, a category named twice, a number out of bounds.
    """
    values = {}
    for item in items:
        category, colon, number = item.partition(":")
        try:
            value = float(number)
        except ValueError:
            value = 0.0
        if not colon or not category or not 0 < value <= 1e9 or category in values:
            raise UsageError(
                f"--{name}: {item!r} is wrong: expected a category, once, and a number above 0 (1e9 at most)"
            )
        values[category] = value
    return values
