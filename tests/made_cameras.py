"""Cameras that look at a plane, for tests of measurements."""

import math

import numpy as np


def camera(tilt, axis, turn, focal, distance_cm):
    """Returns the homography [3, 3] from a plane in cm to a photo of 1000 px; angles in radians, `focal` in pixels."""
    along = np.array([math.cos(axis), math.sin(axis), 0.0])
    cross = np.array([[0, 0, along[1]], [0, 0, -along[0]], [-along[1], along[0], 0]])
    tilted = np.eye(3) + math.sin(tilt) * cross + (1 - math.cos(tilt)) * cross @ cross
    turned = np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]])
    lens = np.array([[focal, 0, 500], [0, focal, 500], [0, 0, 1]])
    rotated = tilted @ turned
    return lens @ np.column_stack([rotated[:, 0], rotated[:, 1], [0, 0, distance_cm]])


def square(side, place):
    """Returns the corners [4, 2] of a square in the plane, its first one at `place`."""
    return np.array([[0, 0], [side, 0], [side, side], [0, side]], float) + place
