"""The training input as people build it elsewhere: albumentations with OpenCV under PyTorch's DataLoader, 2 workers.

Run by `peer_process` with a job's file; needs neither TensorFlow nor this project. Prints the figures as JSON.
"""

import json
import pickle
import resource
import sys
import time

import albumentations
import cv2
import numpy as np
import torch

_WORKERS = 2
_WARM_UP = 20  # batches


class Photos(torch.utils.data.Dataset):
    """Augmented photos: image uint8 [S, S, 3], points [24, 2], padded."""

    def __init__(self, job):
        self._photos, self._length = job["photos"], job["images"] + 10 * _WARM_UP * job["batch_size"]
        self._border = job["options"]["bbox_border"]
        self._transform = _transform(job["options"], job["size"])

    def __len__(self):
        return self._length

    def __getitem__(self, index):
        encoded, points = self._photos[index % len(self._photos)]
        image = cv2.cvtColor(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        seen = self._transform(image=image, keypoints=points, bboxes=self._box(image, points), labels=["garment"])
        padded = np.zeros((24, 2), np.float32)
        padded[: len(seen["keypoints"])] = np.reshape(seen["keypoints"], (-1, 2))
        return torch.from_numpy(seen["image"]), torch.from_numpy(padded)

    def _box(self, image, points):
        """Returns the box around the points and the border, as far as the photo reaches."""
        height, width = image.shape[:2]
        low = np.maximum(np.min(points, 0) - self._border, 0) if points else np.zeros(2)
        high = np.minimum(np.max(points, 0) + self._border, (width, height)) if points else np.array([width, height])
        return [(*low, *high)]


def _transform(options, size):
    """Returns the steps of `preprocessing`, as albumentations has them."""
    degrees, share = options["rotate_degrees"], options["brightness"]
    return albumentations.Compose(
        [
            albumentations.ColorJitter(
                brightness=(1 - share, 1 + share), contrast=tuple(options["contrast"]),
                saturation=tuple(options["saturation"]), hue=(-options["hue"], options["hue"]),
                p=options["color_probability"],
            ),
            albumentations.Rotate(
                limit=(-degrees, degrees), border_mode=cv2.BORDER_CONSTANT, p=options["rotate_probability"]
            ),
            albumentations.RandomSizedBBoxSafeCrop(size, size, p=options["crop_probability"]),
            albumentations.Resize(size, size),
            albumentations.HorizontalFlip(p=options["flip_probability"]),
        ],
        keypoint_params=albumentations.KeypointParams(format="xy", remove_invisible=False),
        bbox_params=albumentations.BboxParams(format="pascal_voc", label_fields=["labels"]),
    )  # fmt: skip


def main():
    with open(sys.argv[1], "rb") as file:
        job = pickle.load(file)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(Photos(job), batch_size=job["batch_size"], num_workers=_WORKERS)
    batches = iter(loader)
    for _ in range(_WARM_UP):
        next(batches)
    start, count = time.perf_counter(), job["images"] // job["batch_size"]
    for _ in range(count):
        next(batches)
    seconds, images = time.perf_counter() - start, count * job["batch_size"]
    del batches  # ends the workers: only then is their time counted
    cpu = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    made = images + _WARM_UP * job["batch_size"]
    print(json.dumps({"images_per_second": images / seconds, "cpu_ms_per_image": 1000 * cpu / made}))


if __name__ == "__main__":
    main()
