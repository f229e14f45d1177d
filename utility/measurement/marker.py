"""A printed ArUco marker in a photo: OpenCV finds it, and its pattern places its corners to a fraction of a pixel.

Source: Garrido-Jurado et al., Automatic generation and detection of highly reliable fiducial markers under occlusion,
Pattern Recognition 47 (2014); the refinement is OpenCV's ECC: Evangelidis and Psarakis, Parametric image alignment
using enhanced correlation coefficient maximization, PAMI 30 (2008).
"""

import dataclasses

import cv2
import numpy as np

_CELLS = 6  # of a side: four bits and the black border
_MARGIN = 0.5  # cells of white paper around it that the alignment looks at
_CELL_PIXELS = (4, 24)  # least and most, of the pattern that the photo is compared with
_FOUND_SD = 0.4  # pixels: of the coordinates of corners as OpenCV finds them


@dataclasses.dataclass(frozen=True)
class Marker:
    """A marker in a photo.

    Attributes:
        number: which of the dictionary's 50 it is.
        corners: [4, 2] float64, in the photo's continuous plane, clockwise from the printed pattern's upper left.
        sd: the standard deviation of their coordinates, in pixels.
    """

    number: int
    corners: np.ndarray
    sd: float


def find(image):
    """Returns the largest Marker of the dictionary 4x4_50 in a photo, [H, W, 3] uint8 RGB; None if there is none."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    corners, numbers, _ = cv2.aruco.ArucoDetector(_dictionary(), parameters).detectMarkers(grey)
    if numbers is None or not len(numbers):
        return None
    quads = [np.float64(quad).reshape(4, 2) for quad in corners]
    largest = max(range(len(quads)), key=lambda index: abs(cv2.contourArea(np.float32(quads[index]))))
    return _aligned(grey, quads[largest], int(np.ravel(numbers)[largest]))


def draw(number, side, margin):
    """Returns a marker, [side + 2 margin, side + 2 margin] uint8, with a white margin; all in pixels."""
    pattern = cv2.aruco.generateImageMarker(_dictionary(), number, side)
    return np.pad(pattern, margin, constant_values=255)


def to_svg(number, side_cm):
    """Returns the text of an SVG file with a marker whose black square measures `side_cm`, for printing at 100 %.

    The white margin is two cells wide: it belongs to the marker.
    """
    cells = draw(number, _CELLS, 2)
    cell, whole = side_cm / _CELLS, side_cm * len(cells) / _CELLS
    black = "".join(f"M{column} {row}h1v1h-1z" for row, column in np.argwhere(cells == 0))
    size = f'width="{whole:.4f}cm" height="{whole:.4f}cm" viewBox="0 0 {len(cells)} {len(cells)}"'
    title = f"<title>ArUco 4x4_50, number {number}, {side_cm:g} cm, cells of {cell:.4f} cm</title>"
    paper = f'<rect width="{len(cells)}" height="{len(cells)}" fill="white"/>'
    # Cells of one path, drawn without smoothing: no white hairlines between them.
    squares = f'<path shape-rendering="crispEdges" d="{black}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{title}{paper}{squares}</svg>\n'


def _dictionary():
    return cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)


def _aligned(grey, quad, number):
    """Returns the Marker whose corners OpenCV found as `quad` [4, 2], pixels' centres being whole numbers."""
    side = np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).mean()
    cell = int(np.clip(round(side / _CELLS), *_CELL_PIXELS))
    margin = round(_MARGIN * cell)
    pattern = draw(number, _CELLS * cell, margin)
    # The photo's marker is brought to the scale of the pattern, or the comparison would skip most of its pixels.
    scale = min(1.0, _CELLS * cell / side)
    reach = 2 * side / _CELLS
    low = np.maximum(np.floor(quad.min(0) - reach), 0).astype(int)
    high = np.minimum(np.ceil(quad.max(0) + reach) + 1, grey.shape[::-1]).astype(int)
    part = grey[low[1] : high[1], low[0] : high[0]]
    size = np.maximum(np.rint(scale * np.array(part.shape[::-1])), 1).astype(int)
    ratio = size / part.shape[::-1]
    part = cv2.resize(part, tuple(int(length) for length in size), interpolation=cv2.INTER_AREA)
    edge = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * _CELLS * cell + margin - 0.5  # of the pattern, as OpenCV counts
    start = cv2.getPerspectiveTransform(np.float32(edge), np.float32((quad + 0.5 - low) * ratio - 0.5))
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-7)
    try:
        _, warp = cv2.findTransformECC(pattern, part, np.float32(start), cv2.MOTION_HOMOGRAPHY, stop, None, 5)
    except cv2.error:  # it did not converge: the marker is too small, or too blurred
        return Marker(number, quad + 0.5, _FOUND_SD)
    placed = cv2.perspectiveTransform(np.float64(edge)[None], np.float64(warp))[0]
    corners = (placed + 0.5) / ratio + low
    if np.abs(corners - quad - 0.5).max() > side / _CELLS:  # it slid away
        return Marker(number, quad + 0.5, _FOUND_SD)
    return Marker(number, corners, _aligned_sd(side * scale) / scale)


def _aligned_sd(side):
    """Returns the standard deviation of the coordinates of aligned corners, for a marker of `side` pixels.

    The more pixels take part, the better they are known. Fitted to markers drawn at 32 to 144 pixels, out of focus by
    0.5 to 1 pixel, with noise and JPEG's losses, of which it is the upper edge: paper is never quite flat, either.
    """
    return max(0.02, 0.1 * (32 / side) ** 1.6)
