"""The keypoint schema: one table from which every index map, flip pair and channel count is derived.

A new keypoint is a row, a new clothing category a column. The rows stand in the order of the competition's CSV, the
columns in alphabetical order (it numbers the categories in the records). A cell is the keypoint's number within the
category as the 2018 records have it (`image/keypoint/id`), or `-` where the category lacks the keypoint.
"""

import re

ALL = "all"
CATEGORY_PATTERN = r"\w[\w-]*"  # what a category may be called: it names columns, folders, shards and flags' values

_TABLE = """
keypoint          blouse  dress  outwear  skirt  trousers
neckline_left          0      0        0      -         -
neckline_right         1      1        1      -         -
center_front           4      4        -      -         -
shoulder_left          2      2        2      -         -
shoulder_right         3      3        3      -         -
armpit_left            5      5        4      -         -
armpit_right           6      6        5      -         -
waistline_left         -      7        6      -         -
waistline_right        -      8        7      -         -
cuff_left_in           9      9        8      -         -
cuff_left_out         10     10        9      -         -
cuff_right_in         11     11       10      -         -
cuff_right_out        12     12       11      -         -
top_hem_left           7      -       12      -         -
top_hem_right          8      -       13      -         -
waistband_left         -      -        -      0         0
waistband_right        -      -        -      1         1
hemline_left           -     13        -      2         -
hemline_right          -     14        -      3         -
crotch                 -      -        -      -         2
bottom_left_in         -      -        -      -         3
bottom_left_out        -      -        -      -         4
bottom_right_in        -      -        -      -         5
bottom_right_out       -      -        -      -         6
"""

# The pair whose distance normalises the error: the first of these that the category has (SPEC: the metric).
_NORMALISING_PAIRS = (("armpit_left", "armpit_right"), ("waistband_left", "waistband_right"))
NORM_OF_COINCIDING_PAIR = 256.0  # pixels: what takes the place of that distance where it is 0

# A garment's contour as chains of keypoints, for drawing. A chain skips the keypoints that a category lacks.
_OUTLINE_CHAINS = (
    ("neckline_left", "center_front", "neckline_right"),
    ("neckline_left", "shoulder_left", "cuff_left_out", "cuff_left_in", "armpit_left"),
    ("neckline_right", "shoulder_right", "cuff_right_out", "cuff_right_in", "armpit_right"),
    ("armpit_left", "waistline_left", "top_hem_left", "hemline_left"),
    ("armpit_right", "waistline_right", "top_hem_right", "hemline_right"),
    ("top_hem_left", "top_hem_right"),
    ("waistband_left", "waistband_right"),
    ("waistband_left", "hemline_left"),
    ("waistband_right", "hemline_right"),
    ("hemline_left", "hemline_right"),
    ("waistband_left", "bottom_left_out", "bottom_left_in", "crotch"),
    ("waistband_right", "bottom_right_out", "bottom_right_in", "crotch"),
)

_HEADER, *_ROWS = [line.split() for line in _TABLE.strip().splitlines()]

KEYPOINTS = tuple(row[0] for row in _ROWS)
CATEGORIES = tuple(_HEADER[1:])
if not all(re.fullmatch(CATEGORY_PATTERN, name) and name != ALL for name in CATEGORIES):
    raise ValueError(
        f"_TABLE: the categories {CATEGORIES}: expected names of letters, digits, _ and -, none of them {ALL}"
    )
_REFERENCE_IDS = {
    category: tuple(-1 if row[column] == "-" else int(row[column]) for row in _ROWS)
    for column, category in enumerate(CATEGORIES, start=1)
}


def keypoint_indices(category):
    """Returns the positions of the category's keypoints among KEYPOINTS, rising; all of them for `all`."""
    if category == ALL:
        return tuple(range(len(KEYPOINTS)))
    return tuple(index for index, number in enumerate(reference_ids(category)) if number >= 0)


def keypoint_names(category):
    """Returns the names of the category's keypoints (of all for `all`), in CSV order: a model's channels."""
    return tuple(KEYPOINTS[index] for index in keypoint_indices(category))


def num_keypoints(category):
    """Returns how many keypoints, and so heatmap channels, the category has."""
    return len(keypoint_indices(category))


def flip_permutation(category):
    """Returns, for each of the category's keypoints, the position of its mirror partner (itself if it has none).

    Partners follow from the names: `left` and `right` exchanged. The permutation is its own inverse.
    """
    names = keypoint_names(category)
    return tuple(names.index(mirrored_name(name)) for name in names)


def mirrored_name(name):
    """Returns the name of the keypoint that `name` becomes in the mirrored image."""
    swap = {"left": "right", "right": "left"}
    return "_".join(swap.get(word, word) for word in name.split("_"))


def reference_ids(category):
    """Returns, for each of KEYPOINTS, its number within the category in the 2018 records, or -1."""
    return _REFERENCE_IDS[category]


def normalising_pair(category):
    """Returns the positions among KEYPOINTS of the two points whose distance normalises the category's error."""
    names = keypoint_names(category)
    pair = next(pair for pair in _NORMALISING_PAIRS if pair[0] in names and pair[1] in names)
    return tuple(KEYPOINTS.index(name) for name in pair)


def outline(category):
    """Returns the category's contour as pairs of keypoint names, for drawing."""
    names = set(keypoint_names(category))
    edges = []
    for chain in _OUTLINE_CHAINS:
        present = [name for name in chain if name in names]
        edges += [edge for edge in zip(present, present[1:]) if edge not in edges]
    return tuple(edges)


def category_name(class_id):
    """Returns the category of a record's class id (the categories' alphabetical order)."""
    return CATEGORIES[class_id]
