"""Pictures for people: keypoints and outlines on photos, heatmaps over photos, sheets of many photos.

Images are [H, W, 3] uint8 RGB. Points are in the image's pixels as the CSV counts them: whole numbers are the centres
of pixels.
"""

import math

import cv2
import numpy as np

from base import ellipses
from base.errors import DataError
from base.files import atomic_write

ELLIPSE_SHARE = 0.95  # of the probability, within a point's ellipse
_SUBPIXEL_BITS = 4
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def keypoint_color(schema, name):
    """Returns the RGB colour of a keypoint, three whole numbers: neighbours in the schema differ clearly."""
    hue = schema.keypoints.index(name) * 0.381966 % 1  # steps of the golden angle never come close to each other early
    hsv = np.float32([[[360 * hue, 0.85, 1.0 if name.count("left") else 0.8]]])
    return tuple(round(255 * float(channel)) for channel in cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0])


def named_points(schema, points, visibility):
    """Returns {name: (x, y)} of the keypoints that are not absent, out of [K, 2] points and [K] visibility."""
    return {name: tuple(xy) for name, xy, state in zip(schema.keypoints, points, visibility) if state >= 0}


def draw_keypoints(
    image, schema, category, points, scores=None, occluded=(), truth=None, write_names=False, covariances=None
):
    """Draws the garment's outline and its keypoints.

    Args:
        image: [H, W, 3] uint8 RGB; not changed.
        schema: the Schema.
        category: whose outline joins the points.
        points: {name: (x, y)}; other keypoints are absent.
        scores: {name: 0 to 1}: a white arc around each point closes to a circle as the score nears 1.
        occluded: names of the occluded keypoints, drawn as rings.
        truth: {name: (x, y)}; a line joins each point with where it should be.
        write_names: whether each point's name stands beside it.
        covariances: {name: [2, 2]} in square pixels: an ellipse holds the keypoint with a probability of 95 %.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    canvas = np.ascontiguousarray(image).copy()
    unit = max(image.shape[:2]) / 512
    for name in covariances or ():
        _ellipse(canvas, points[name], covariances[name], keypoint_color(schema, name), unit)
    radius = max(2.0, 4.5 * unit)
    for start, end in schema.outline(category):
        if start in points and end in points:
            _line(canvas, points[start], points[end], _BLACK, 2.5 * unit)
            _line(canvas, points[start], points[end], _WHITE, 1.2 * unit)
    for name in schema.keypoint_names(category):
        if name not in points:
            continue
        if truth and name in truth:
            _line(canvas, points[name], truth[name], (255, 40, 40), 1.5 * unit)
        _dot(canvas, points[name], radius, keypoint_color(schema, name), name in occluded)
        if scores is not None:
            _arc(canvas, points[name], radius + 3 * unit, scores[name], max(1, round(1.5 * unit)))
        if write_names:
            _write(canvas, name, points[name], radius, 0.36 * max(unit, 0.7))
    return canvas


def draw_box(image, box):
    """Returns the image, [H, W, 3] uint8 RGB, with a box (x0, y0, x1, y1) in whole pixels framed along its inside."""
    canvas = np.ascontiguousarray(image).copy()
    x0, y0, x1, y1 = box
    width = max(1, round(max(image.shape[:2]) / 512))
    part = canvas[y0:y1, x0:x1]
    for color, reach in ((_BLACK, 2 * width), (_WHITE, width)):
        frame = np.ones(part.shape[:2], bool)
        frame[reach:-reach, reach:-reach] = False
        part[frame] = color
    return canvas


def _fixed(xy):
    """Returns the point in OpenCV's fixed-point pixels, kept near the image: a wild point must not overflow."""
    return tuple(int(round(float(np.clip(value, -1e5, 1e5)) * 2**_SUBPIXEL_BITS)) for value in xy)


def _line(canvas, start, end, color, thickness):
    cv2.line(canvas, _fixed(start), _fixed(end), color, max(1, round(thickness)), cv2.LINE_AA, _SUBPIXEL_BITS)


def _dot(canvas, xy, radius, color, hollow):
    fixed = round(radius * 2**_SUBPIXEL_BITS)
    cv2.circle(canvas, _fixed(xy), round(1.3 * fixed), _BLACK, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.circle(canvas, _fixed(xy), fixed, color, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
    if hollow:
        cv2.circle(canvas, _fixed(xy), round(0.55 * fixed), _BLACK, -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def _ellipse(canvas, xy, covariance, color, unit):
    axes, angle = ellipses.axes(covariance, ELLIPSE_SHARE)
    axes = tuple(round(min(axis, 1e5) * 2**_SUBPIXEL_BITS) for axis in axes)
    for tone, width in ((_BLACK, 2.5 * unit), (color, 1.2 * unit)):
        thickness = max(1, round(width))
        shape = (axes, math.degrees(angle), 0, 360, tone, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
        cv2.ellipse(canvas, _fixed(xy), *shape)


def _arc(canvas, xy, radius, score, thickness):
    axes = (round(radius * 2**_SUBPIXEL_BITS),) * 2
    end = 360 * float(np.clip(score, 0, 1))
    cv2.ellipse(canvas, _fixed(xy), axes, -90, 0, end, _WHITE, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _write(canvas, text, xy, gap, scale):
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x = int(np.clip(xy[0] + 2 * gap, 0, max(0, canvas.shape[1] - width)))
    y = int(np.clip(xy[1] + height / 2, height, max(height, canvas.shape[0] - 1)))
    write(canvas, text, (x, y), scale)


def write(canvas, text, place, scale):
    """Writes white text with a black border into a picture.

    Args:
        canvas: [H, W, 3] uint8 RGB, changed in place.
        text: one line.
        place: (x, y), whole pixels, the left end of the baseline.
        scale: of OpenCV's font.
    """
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    left, top = (max(0, low) for low in (place[0] - 3, place[1] - height - 3))
    part = canvas[top : place[1] + below + 3, left : place[0] + width + 3]
    ink = np.zeros(part.shape[:2], np.uint8)
    cv2.putText(ink, text, (place[0] - left, place[1] - top), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1, cv2.LINE_AA)
    # Grown from the letters: OpenCV 5 sets a thick text in a wider font, which would be no border of the thin one.
    border = cv2.dilate(ink, np.ones((3, 3), np.uint8))
    for cover, color in ((border, _BLACK), (ink, _WHITE)):
        share = cover[..., None] / 255
        part[:] = np.rint(part * (1 - share) + np.array(color) * share)


def draw_heatmaps(image, schema, heatmaps, strength=0.6):
    """Lays heatmaps over an image, each in its keypoint's colour.

    Args:
        image: [H, W, 3] uint8 RGB.
        schema: the Schema.
        heatmaps: {name: [h, w] float}, peaks of 1 or of whatever height; each is scaled by its own peak.
        strength: how much of the image a peak hides, 0 to 1.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    canvas = image.astype(np.float32)
    for name, heatmap in heatmaps.items():
        weight = np.clip(heatmap / max(float(heatmap.max()), 1e-6), 0, 1).astype(np.float32)
        weight = cv2.resize(weight, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
        canvas += strength * weight * (np.float32(keypoint_color(schema, name)) - canvas)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def fitted(image, width, height, background=24):
    """Returns the image scaled to fit into [height, width, 3], centred on a plain background."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    tile = np.full((height, width, 3), background, np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = shrunk
    return tile


def contact_sheet(images, columns, tile_size=256, captions=None):
    """Arranges images of any size in rows.

    Args:
        images: a list of [H, W, 3] uint8 RGB.
        columns: images a row.
        tile_size: width and height that each gets, in pixels.
        captions: a line of text for each, written along its lower edge.

    Returns:
        [rows * tile_size, columns * tile_size, 3] uint8 RGB.
    """
    tiles = [fitted(image, tile_size, tile_size) for image in images]
    for tile, caption in zip(tiles, captions or ()):
        _write(tile, caption, (4, tile_size - 10), 0, tile_size / 640)
    blank = np.full((tile_size, tile_size, 3), 24, np.uint8)
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)


def read(path):
    """Returns a photo as [H, W, 3] uint8 RGB, turned as its EXIF orientation says.

    Raises:
        DataError: the file is missing or no image.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(path, None, "cannot be read as an image: expected a JPEG or PNG photo")
    return np.ascontiguousarray(image[..., ::-1])


def encode(image, kind=".jpg", quality=88):
    """Returns the bytes of the [H, W, 3] uint8 RGB image as a `.jpg` or `.png` file."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if kind == ".jpg" else []
    return cv2.imencode(kind, np.ascontiguousarray(image[..., ::-1]), options)[1].tobytes()


def save(path, image, quality=88):
    """Writes the image to a `.jpg` or `.png` file, whole or not at all.

    Raises:
        DataError: the file cannot be written.
    """
    kind = ".jpg" if str(path).lower().endswith((".jpg", ".jpeg")) else ".png"
    with atomic_write(path, "wb") as file:
        file.write(encode(image, kind, quality))
