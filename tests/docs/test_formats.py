"""The tables of docs/formats that name keypoints of two schemas: what they name is there, and mirrors are mirrors."""

import re
from pathlib import Path

import pytest

from base import schema as schemas

FOLDER = Path(__file__).parents[2] / "docs" / "formats"
FASHIONAI = schemas.load("fashionai")
LIKE = {  # the FashionAI category of a table's column
    **dict.fromkeys(["short_sleeve_top", "long_sleeve_top", "vest", "sling"], "blouse"),
    **dict.fromkeys(["short_sleeve_outwear", "long_sleeve_outwear"], "outwear"),
    **dict.fromkeys(["short_sleeve_dress", "long_sleeve_dress", "vest_dress", "sling_dress"], "dress"),
    **dict.fromkeys(["shorts", "trousers"], "trousers"),
    "skirt": "skirt",
}


def tables(name, first):
    """Yields {column: {row: cell}} of each table of a page whose header begins with `first`."""
    for block in re.findall(r"(?:^\|.*\n)+", (FOLDER / name).read_text(), re.MULTILINE):
        header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        if header[0] == first:
            yield {
                column: {row[0]: row[place] for row in rows if row[place]}
                for place, column in enumerate(header)
                if place
            }


def deepfashion2():
    return {column: cells for table in tables("deepfashion2.md", "FashionAI") for column, cells in table.items()}


def test_every_category_has_a_column():
    assert set(deepfashion2()) == set(schemas.load("deepfashion2").category_names) == set(LIKE)


@pytest.mark.parametrize("category", LIKE)
def test_deepfashion2_s_numbers_are_keypoints_and_partners_stay_partners(category):
    schema = schemas.load("deepfashion2")
    named = {name: f"{category}_{int(number):02d}" for name, number in deepfashion2()[category].items()}
    assert set(named) <= set(FASHIONAI.keypoint_names(LIKE[category]))
    assert set(named.values()) <= set(schema.keypoint_names(category))
    assert len(set(named.values())) == len(named)
    for name, keypoint in named.items():
        assert named[FASHIONAI.partner(name)] == schema.partner(keypoint)


def test_where_both_are_measured_the_same_points_are():
    """What a measurement of one name leads along in both schemas is the same, at its ends at least."""
    schema, compared = schemas.load("deepfashion2"), 0
    for category, cells in deepfashion2().items():
        named = {name: f"{category}_{int(number):02d}" for name, number in cells.items()}
        ours = dict(FASHIONAI.category(LIKE[category]).measurements)
        theirs = dict(schema.category(category).measurements)
        for title in set(ours) & set(theirs):
            ends = [ours[title][0], ours[title][-1]]
            if set(ends) <= set(named):
                assert {named[name] for name in ends} == {theirs[title][0], theirs[title][-1]}, (category, title)
                compared += 1
    assert compared > 80


def test_deepfashion2_s_numbers_go_around_the_garment_in_one_direction():
    """As the figure of the data set has them: along the neckline, down on the left, along the hem, up on the right."""
    ways = (
        ("neckline_left", "center_front", "neckline_right"),
        ("shoulder_left", "cuff_left_out", "cuff_left_in", "armpit_left", "top_hem_left", "top_hem_right"),
        ("top_hem_right", "armpit_right", "cuff_right_in", "cuff_right_out", "shoulder_right"),
        ("armpit_left", "hemline_left", "hemline_right", "armpit_right"),
        ("waistband_left", "waistband_right"),
        ("bottom_left_out", "bottom_left_in", "crotch", "bottom_right_in", "bottom_right_out"),
    )
    for cells in deepfashion2().values():
        for way in ways:
            numbers = [int(cells[name]) for name in way if name in cells]
            assert numbers == sorted(numbers)


def test_fld_s_table():
    (table,) = tables("fld.md", "FLD")
    fld = schemas.load("fld")
    for column, cells in table.items():
        for category in column.split(", "):
            assert set(cells.values()) <= set(FASHIONAI.keypoint_names(category))
        for name, other in cells.items():
            assert FASHIONAI.partner(other) == cells[fld.partner(name)]
