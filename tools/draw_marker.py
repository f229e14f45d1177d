"""Draws a marker to print and to lay beside garments: an SVG of the right size, for tools/measure.py --marker_cm.

python tools/draw_marker.py --marker_cm=10 --output=marker.svg

Print it at 100 %, and measure its black square with a ruler: a printer that fits pages to the paper changes its size.
"""

from base.files import atomic_write
from configs import command_line


def main(flags):
    """Writes `output`, a square of white paper with the first marker of ArUco's dictionary 4x4_50 in it."""
    from utility.measurement import marker

    with atomic_write(flags.output, encoding="utf-8") as file:
        file.write(marker.to_svg(0, flags.marker_cm))
    print(f"{flags.output}: a marker of {flags.marker_cm:g} cm, to be printed at 100 %")


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=["marker_cm", "output"], required=["output"], defaults={"marker_cm": 10.0})
