"""The tables of docs/formats/deepfashion2.md that give DeepFashion2's keypoints FashionAI's names hold together."""

import re
from pathlib import Path

from base import schema as schemas

PAGE = Path(__file__).parents[2] / "docs" / "formats" / "deepfashion2.md"
OWN, FASHIONAI = schemas.load("deepfashion2"), schemas.default()
SAME_AS = {"top": "blouse", "vest": "blouse", "sling": "blouse", "outwear": "outwear", "dress": "dress"}
SAME_AS.update(skirt="skirt", shorts="trousers", trousers="trousers")


def tables():
    """Returns {category: {FashionAI's name: number of the keypoint}} of the page."""
    found = {}
    for header, body in re.findall(r"^\| FashionAI \| (.*) \|\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE.read_text(), re.M):
        for line in body.splitlines():
            name, *numbers = (cell.strip() for cell in line.strip("|").split("|"))
            for category, number in zip(header.split(" | "), numbers):
                own = found.setdefault(category, {})
                if number:
                    own[name] = int(number)
    return found


def test_each_category_has_a_column_of_keypoints_that_both_have():
    found = tables()
    assert set(found) == set(OWN.category_names)
    for category, names in found.items():
        assert set(names) <= set(FASHIONAI.keypoint_names(SAME_AS[category.rsplit("_", 1)[-1]]))
        assert len(set(names.values())) == len(names)
        assert all(1 <= number <= OWN.num_keypoints(category) for number in names.values())


def test_mirror_partners_are_mirror_partners():
    for category, names in tables().items():
        for name, number in names.items():
            partner = OWN.keypoints.index(OWN.partner(f"{category}_{number:02d}"))
            assert OWN.keypoint_names(category).index(OWN.keypoints[partner]) + 1 == names[FASHIONAI.partner(name)]


def test_keypoints_go_around_the_garment_in_one_direction():
    """As the figure of the data set numbers them: down on the left, along the hem, up on the right."""
    ways = [
        ["neckline_left", "center_front", "neckline_right"],
        ["shoulder_left", "cuff_left_out", "cuff_left_in", "armpit_left", "top_hem_left", "top_hem_right"],
        ["top_hem_right", "armpit_right", "cuff_right_in", "cuff_right_out", "shoulder_right"],
        ["armpit_left", "hemline_left", "hemline_right", "armpit_right"],
        ["bottom_left_out", "bottom_left_in", "crotch", "bottom_right_in", "bottom_right_out"],
    ]
    for names in tables().values():
        for way in ways:
            numbers = [names[name] for name in way if name in names]
            assert numbers == sorted(numbers)
