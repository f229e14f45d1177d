"""The plot of a Certainty, as SVG, which browsers and word processors show: two panels, side by side.

Left: which share of the true points lies inside of the ellipses of each share; a calibrated model's is the diagonal.
Right: the NE of the points that are most certain, against their share; the fall to the left is what certainty is worth.
"""

import numpy as np

from base.files import atomic_write
from utility.scoring import certainty

_SIZE, _GAP, _LEFT, _TOP = 320, 90, 60, 40  # pixels: a panel's side, what lies between two, and before the first
_STEPS = 100
_INK, _GRID, _LINE = "#333", "#ccc", "#2563eb"


def save(path, measured):
    """Writes the plot of a certainty.Measured.

    Raises:
        DataError: the file cannot be written.
    """
    with atomic_write(path, encoding="utf-8") as file:
        file.write(draw(measured))


def draw(measured):
    """Returns the text of the SVG."""
    shares = np.linspace(0, 1, _STEPS + 1)
    inside = np.array([(measured.levels <= share).mean() for share in shares])
    risks = certainty.risk_curve(measured)
    kept = shares[1:]
    errors = risks[np.maximum(np.round(kept * len(risks)).astype(int), 1) - 1]
    highest = max(float(errors.max()), 1e-9)
    parts = [
        *_panel(0, "ellipse of", "true points inside", 1.0),
        _line(0, [(0, 0), (1, 1)], _INK, "4 4"),
        _line(0, zip(shares, inside), _LINE),
        *_panel(1, "most certain points", "NE", highest),
        _line(1, zip(kept, errors / highest), _LINE),
    ]
    width, height = _LEFT + 2 * _SIZE + _GAP + 30, _TOP + _SIZE + 60
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
    return "\n".join([head + 'font-family="sans-serif" font-size="13">', *parts, "</svg>", ""])


def _place(panel, x, y):
    """Returns the pixel of a place in the unit square of a panel, whose y points up."""
    return _LEFT + panel * (_SIZE + _GAP) + x * _SIZE, _TOP + (1 - y) * _SIZE


def _line(panel, places, color, dashes=""):
    points = " ".join("{:.2f},{:.2f}".format(*_place(panel, x, y)) for x, y in places)
    style = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{style}/>'


def _panel(panel, across, up, highest):
    """Returns the frame, the grid and the texts of a panel."""
    parts = []
    for step in range(6):
        share = step / 5
        parts.append(_segment(panel, (share, 0), (share, 1)))
        parts.append(_segment(panel, (0, share), (1, share)))
        x, y = _place(panel, share, 0)
        parts.append(_text(x, y + 18, f"{100 * share:g} %", "middle"))
        x, y = _place(panel, 0, share)
        label = f"{100 * share:g} %" if highest == 1.0 else f"{share * highest:.3f}"
        parts.append(_text(x - 6, y + 4, label, "end"))
    x, y = _place(panel, 0.5, 0)
    parts.append(_text(x, y + 40, across, "middle"))
    x, y = _place(panel, 0, 1)
    return [*parts, _text(x, y - 14, up, "start")]


def _segment(panel, start, end):
    (x1, y1), (x2, y2) = _place(panel, *start), _place(panel, *end)
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{_GRID}"/>'


def _text(x, y, text, anchor):
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{_INK}" text-anchor="{anchor}">{text}</text>'
