"""The graph of prediction: against the evaluation's model function, against symmetry, and against known places."""

import cv2
import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from fashionai import ALL, SCHEMA, keypoint_names, mirrored_name
from hypothesis import strategies as st
from made_models import description, make

from base import geometry
from preprocessing.data import records
from preprocessing.input import input_fn
from utility.model import codec, heatmap_codec, heatmaps, inference_graph, model_directory, network
from utility.model.heatmap_codec import MAPS
from utility.prediction import inference, passes, photo_reading
from utility.prediction.predictor import Predictor
from utility.training.model_fn import locate

v1 = tf.compat.v1


def photo(height, width, seed):
    """Returns [height, width, 3] uint8: smooth random colours."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, [5, 6, 3]).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


class ColourSpots:
    """A stand-in net that is mirror-symmetric by construction: it sees red spots as waistband, green ones as hemline.

    The left keypoints' maps are the left half of the frame, the right ones' the right half.
    """

    def __init__(self, size=64, **settings):
        self.model = description(image_size=size)
        self.codec = codec.of(self.model.with_codec(**settings))
        names = keypoint_names("skirt")
        self._colours = [0 if "waistband" in name else 1 for name in names]
        self._left = np.array([name.endswith("left") for name in names])
        self._partners = [names.index(mirrored_name(name)) for name in names]

    def __call__(self, images, flip):
        def maps(pictures):
            cells = tf.image.resize(pictures, [16, 16], method="area") / 255
            is_left = (tf.range(16) < 8)[tf.newaxis, tf.newaxis, :, tf.newaxis]
            return tf.where(tf.equal(is_left, self._left), tf.gather(cells, self._colours, axis=-1), 0.0)

        straight = maps(images)
        if not flip:
            return {MAPS: straight}
        flipped = tf.reverse(maps(tf.reverse(images, axis=[2])), axis=[2])
        return {MAPS: (straight + tf.gather(flipped, self._partners, axis=-1)) / 2}


def found(images, nets, category="skirt", classes=None, **options):
    """Runs the passes on arrays; returns points and scores."""
    runs = passes.Passes(lambda: nets, SCHEMA, category, inference.Options(**options))
    return runs.find(images, classes or [category] * len(images))


def spots(width=128, height=96, left=0, top=0, sigma=10.0):
    """Returns a photo with the spots of a small skirt, moved by (left, top)."""
    y, x = np.mgrid[:height, :width]
    image = np.zeros([height, width, 3])
    for name, (spot_x, spot_y) in SKIRT.items():
        squares = (x - left - spot_x) ** 2 + (y - top - spot_y) ** 2
        image[..., 0 if "waistband" in name else 1] += 255 * np.exp(-squares / (2 * sigma**2))
    return image.round().clip(0, 255).astype(np.uint8)


SKIRT = {"waistband_left": (34, 30), "waistband_right": (91, 26), "hemline_left": (30, 70), "hemline_right": (95, 66)}
TRUTH = np.array([SKIRT[name] for name in keypoint_names("skirt")], np.float32)


def errors_of(points, truth=TRUTH):
    return np.linalg.norm(points[0] - truth, axis=1)


def test_the_stand_in_finds_its_spots_in_photo_pixels():
    points, _ = found([spots()], [ColourSpots()])
    assert errors_of(points).max() < 0.5


def test_flip_changes_nothing_for_a_mirror_symmetric_net():
    images = [spots(), photo(70, 101, 3), photo(101, 70, 4)]
    plain, plain_scores = found(images, [ColourSpots()])
    flipped, flipped_scores = found(images, [ColourSpots()], flip=True)
    assert np.abs(plain - flipped).max() < 1e-3
    assert np.abs(plain_scores - flipped_scores).max() < 1e-5


@pytest.mark.parametrize(
    ("boxes", "margin"),
    [((None, None), 0.3), (((10, 20, 144, 180), (33, 7, 121, 111)), 0.0), (((40, 50, 110, 130), (33, 7, 90, 80)), 0.2)],
)
def test_a_frozen_net_equals_the_evaluation(tmp_path, boxes, margin):
    """Same photo, box and weights, through the input and the model function of the evaluation, batch norm unfolded."""
    folder = make(tmp_path / "skirt", seed=4, box_margin=margin)
    encoded = [tf.io.encode_jpeg(photo(*size, 1)).numpy() for size in ((200, 150), (120, 160))]
    images = [photo_reading.decode(data, "made") for data in encoded]
    with tf.io.TFRecordWriter(str(tmp_path / "skirt_0000.tfrecord")) as writer:
        for data, image, box in zip(encoded, images, boxes):
            labels = np.full([24, 2], 7), np.ones([24], np.int64)
            writer.write(records.serialise("Images/skirt/a.jpg", data, image.shape[1::-1], "skirt", *labels, box=box))
    points, _ = Predictor(folder).find(images, ["skirt"] * 2, boxes)
    with tf.Graph().as_default(), v1.Session() as session:
        dataset = input_fn.make_dataset(str(tmp_path), "skirt", False, 2, 64, box_margin=margin)
        features, _ = v1.data.make_one_shot_iterator(dataset).get_next()
        model = model_directory.read(folder)
        found_points = locate(network.run_net(features["image"], model, False)[-1], features["to_input"], model)
        v1.train.Saver(v1.global_variables()).restore(session, model_directory.checkpoint(folder))
        expected = geometry.to_pixels(session.run(found_points))
    # The first is shrunk by libjpeg for the evaluation, by the means of its pixels here: nearly, not quite the same.
    for row, right, tolerance in zip(points, expected, (0.2, 0.01)):
        assert row == pytest.approx(right, abs=tolerance)


@pytest.mark.parametrize("net", ["hourglass", "cpn"])
def test_folding_batch_norm_changes_no_heatmap(net):
    """The folded graph has no batch norm left behind a convolution, and the same output."""
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.set_random_seed(1)
        images = v1.placeholder(tf.float32, [None, 64, 64, 3], name=inference_graph.IMAGES)
        model = description(net=net)
        outputs = codec.of(model).read(network.run_net(images, model, False)[-1])
        tf.identity(outputs[MAPS], name=MAPS)
        session.run(v1.global_variables_initializer())
        norms = ("beta", "gamma", "moving_mean", "moving_variance")
        norms = [variable for variable in v1.global_variables() if variable.op.name.endswith(norms)]
        session.run([v1.assign(variable, tf.random.uniform(variable.shape, 0.5, 1.5)) for variable in norms])
        plain = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), [MAPS])
    folded = inference_graph.fold_batch_norm(plain, [MAPS])
    batch = np.stack([photo(64, 64, seed) for seed in range(2)]).astype(np.float32)
    before, after = (_run(graph_def, batch) for graph_def in (plain, folded))
    assert np.abs(before - after).max() < 1e-4 * np.abs(before).max()
    count = {
        name: sum(node.op.startswith("FusedBatchNorm") for node in g.node) for name, g in (("a", plain), ("b", folded))
    }
    assert count["a"] > 10
    assert count["b"] < count["a"] / 2  # a pre-activation net keeps those that no convolution precedes
    assert count["b"] == 0 or net == "hourglass"


def _run(graph_def, batch):
    with tf.Graph().as_default(), v1.Session() as session:
        (maps,) = tf.import_graph_def(graph_def, {f"{inference_graph.IMAGES}:0": batch}, [f"{MAPS}:0"])
        return session.run(maps)


def test_all_calls_of_a_net_share_its_weights(tmp_path):
    model, graph_def = inference_graph.freeze(make(tmp_path / "skirt"))
    with tf.Graph().as_default() as graph:
        net = inference.Net(model, graph_def, "skirt")
        for _ in range(2):
            net(tf.zeros([1, 64, 64, 3]), flip=True)
        weights, built = (_count_constants(part) for part in (graph_def, graph.as_graph_def()))
    assert weights <= built < weights + 2 * 64 * 64 * 3 + 1000  # the images, and small change


def _count_constants(graph_def):
    return sum(tf.make_ndarray(node.attr["value"].tensor).size for node in graph_def.node if node.op == "Const")


def test_second_pass_looks_at_the_crop_around_the_first():
    """Small spots in a large photo: a cell of the crop is finer, so the second pass comes closer."""
    big = [spots(640, 480, left=250, top=200, sigma=6.0)]
    truth = TRUTH + np.float32([250, 200])
    once, _ = found(big, [ColourSpots()])
    twice, _ = found(big, [ColourSpots()], two_pass=True, crop_margin=(30.0, 30.0))
    assert errors_of(twice, truth).mean() < 1 < errors_of(once, truth).mean()


def test_the_box_of_the_second_pass_follows_points_margin_and_photo():
    names = keypoint_names(ALL)
    matrices = []
    for category, size, places in (
        ("skirt", (512, 400), [[150, 120], [250, 110], [60, 300], [300, 310]]),
        ("trousers", (1024, 1024), [[400, 500 + 10 * i] for i in range(7)]),
    ):
        points = np.zeros([24, 2], np.float32)
        own = np.isin(names, keypoint_names(category))
        points[[names.index(name) for name in keypoint_names(category)]] = places
        matrices.append(inference.frame_around(points, size, own, (100.0, 80.0)))
    corners = np.array([[0.0, 0.0], [1.0, 1.0]])
    boxes = geometry.apply(geometry.invert(np.array(matrices)), corners)
    # The skirt: 60-100 and 510-400 are cut off at the photo. The trousers' photo is twice as large, and so its margin.
    assert boxes[0] == pytest.approx(np.array([[0, 30], [400, 390]]), abs=1e-3)
    assert boxes[1] == pytest.approx(np.array([[200, 340], [600, 720]]), abs=1e-3)


@pytest.mark.parametrize(("scale", "degrees"), [(1.0, 20.0), (0.8, 0.0), (1.2, -15.0)])
def test_maps_of_turned_views_come_back_to_their_places(scale, degrees):
    image = spots(128, 128, top=16)
    points, _ = found([image], [ColourSpots()], scales=(scale,), rotations=(degrees,))
    assert errors_of(points, TRUTH + np.float32([0, 16])).max() < 1.5


def test_averages_over_nets_are_of_heatmaps_unless_asked():
    class Fixed:
        """A net with one Gaussian at a given cell for every keypoint."""

        def __init__(self, x, height, sigma):
            self.model = description().with_codec(decode="argmax")
            self.codec = codec.of(self.model)
            cells = np.arange(16) + 0.5
            bump = height * np.exp(-((cells[None, :] - x - 0.5) ** 2 + (cells[:, None] - 8.5) ** 2) / (2 * sigma**2))
            self._maps = np.tile(bump[None, :, :, None], [1, 1, 1, 4]).astype(np.float32)

        def __call__(self, images, flip):
            return {MAPS: tf.constant(self._maps)}

    nets = [Fixed(3, 1.0, 1.0), Fixed(11, 0.5, 1.0)]
    image = np.zeros([64, 64, 3], np.uint8)
    of_maps, _ = found([image], nets)
    of_points, scores = found([image], nets, average_points=True)
    assert of_maps[0, 0] == pytest.approx([3.5 * 4 - 0.5, 8.5 * 4 - 0.5], abs=1e-4)  # the higher map rules
    assert of_points[0, 0] == pytest.approx([7.5 * 4 - 0.5, 8.5 * 4 - 0.5], abs=1e-4)
    assert scores[0, 0] == pytest.approx(0.75)


def test_batches_of_unequal_photos_give_what_each_gives_alone():
    images = [spots(), photo(70, 200, 3), photo(33, 20, 4)]
    together, _ = found(images, [ColourSpots()])
    for index, image in enumerate(images):
        alone, _ = found([image], [ColourSpots()])
        assert together[index] == pytest.approx(alone[0], abs=1e-3)


class Certain:
    """A stand-in net that is certain of a place, with probability heatmaps: all in the cell there."""

    def __init__(self, cells, x, y):
        self.model = description().with_codec(heatmap_size=cells, heatmap_loss="softmax", decode="median")
        self.codec = codec.of(self.model)
        maps = np.zeros([1, cells, cells, 4], np.float32)
        maps[:, int(y * cells), int(x * cells)] = 2 * np.pi  # sigma is 1 cell
        self._maps = maps

    def __call__(self, images, flip):
        return {MAPS: tf.constant(self._maps)}


def test_nets_of_unequal_heatmaps_have_equal_weight_in_the_median():
    """Two fine nets against a coarse one, whose map of a quarter of the cells is enlarged: the median is theirs."""
    nets = [Certain(32, 0.25, 0.25), Certain(32, 0.25, 0.25), Certain(16, 0.75, 0.75)]
    points, _ = found([np.zeros([64, 64, 3], np.uint8)], nets)
    assert np.abs(points - 16).max() < 2
    points, _ = found([np.zeros([64, 64, 3], np.uint8)], [Certain(32, 0.25, 0.25), *[Certain(16, 0.75, 0.75)] * 2])
    assert np.abs(points - 48).max() < 4


@hypothesis.settings(max_examples=30, deadline=None, derandomize=True)
@hypothesis.given(zoom=st.floats(0.6, 1.4), degrees=st.floats(-40, 40), x=st.floats(24, 40), y=st.floats(24, 40))
def test_a_density_keeps_its_sum_in_another_frame(zoom, degrees, x, y):
    maps = heatmaps.encode(tf.constant([[[x, y]]], tf.float32), (64, 64), 3.0)
    (view,) = inference.views(inference.Options(scales=(zoom,), rotations=(degrees,)))
    view = geometry.identity()[None] if view is None else view[None]
    model = description().with_codec(heatmap_loss="softmax")
    moved = heatmap_codec.HeatmapCodec(model, "median").warp({MAPS: maps}, np.float32(view))[MAPS]
    assert float(tf.reduce_sum(moved)) == pytest.approx(float(tf.reduce_sum(maps)), rel=0.03)
    heights = heatmap_codec.HeatmapCodec(model, "dark").warp({MAPS: maps}, np.float32(view))[MAPS]
    assert float(tf.reduce_max(heights)) == pytest.approx(1, abs=0.12)


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
@hypothesis.given(
    seed=st.integers(0, 1000),
    sigma=st.floats(0.5, 3),
    sharpness=st.just(0.0) | st.floats(0.1, 30),
    size=st.tuples(*[st.integers(5, 20)] * 2),
)
def test_the_score_of_probabilities_is_the_probability_around_the_peak(seed, sigma, sharpness, size):
    logits = np.random.default_rng(seed).normal(0, 1, [2, *size, 3]) * sharpness
    chances = np.exp(logits - logits.max((1, 2), keepdims=True))
    chances /= chances.sum((1, 2), keepdims=True)
    scores = heatmaps.confidence(heatmaps.probabilities(tf.constant(logits, tf.float32), sigma), sigma, True).numpy()
    radius = int(np.ceil(2 * sigma))
    for image, keypoint in np.ndindex(2, 3):
        one = chances[image, :, :, keypoint]
        row, column = np.unravel_index(one.argmax(), size)
        around = one[max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1]
        assert scores[image, keypoint] == pytest.approx(min(1, around.sum()), abs=1e-4)


def test_scores_are_from_0_to_1():
    maps = tf.constant([[-0.5, 0.0, 0.3, 1.0, 1.7]])[:, None, None, :] * tf.ones([1, 8, 8, 1])
    np.testing.assert_allclose(heatmaps.confidence(maps, 1.0, False), [[0, 0, 0.3, 1, 1]], atol=1e-6)
    target = heatmaps.encode(tf.constant([[[8.5, 8.5]]]), (17, 17), 1.0)
    assert heatmaps.confidence(target, 1.0, False).numpy().item() == pytest.approx(1)
    assert heatmaps.confidence(target, 1.0, True).numpy().item() == pytest.approx(0.98, abs=0.005)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_sessions_take_a_gpus_memory_as_they_need_it(tmp_path, monkeypatch, precision):
    folder = make(tmp_path / "skirt")
    configs, session = [], v1.Session

    def recorded(*args, config=None, **kwargs):
        configs.append(config)
        return session(*args, config=config, **kwargs)

    monkeypatch.setattr(v1, "Session", recorded)
    Predictor(folder, precision=precision)
    assert len(configs) == 2
    assert all(config.gpu_options.allow_growth for config in configs)


@pytest.mark.parametrize("net", ["hourglass", "cpn"])
def test_bfloat16_agrees_with_float32_to_its_own_precision(tmp_path, net):
    """Eight bits of mantissa are 0.4 % in each of some tens of layers: about 3 % of the maps' spread in all."""
    _, graph_def = inference_graph.freeze(make(tmp_path / "skirt", net=net))
    batch = np.stack([photo(64, 64, seed) for seed in range(4)]).astype(np.float32)
    maps = []
    for precision in ("float32", "bfloat16"):
        with (
            tf.Graph().as_default() as graph,
            v1.Session(graph=graph, config=inference_graph.session_config(precision)) as session,
        ):
            images = v1.placeholder(tf.float32, [None, 64, 64, 3])
            (found,) = tf.import_graph_def(graph_def, {f"{inference_graph.IMAGES}:0": images}, [f"{MAPS}:0"])
            maps.append(session.run(found, {images: batch}))
    exact, rounded = maps
    difference = np.abs(rounded - exact)
    assert 0 < difference.max() <= 0.1 * np.ptp(exact)  # 0: nothing was computed in bfloat16
    assert np.sqrt((difference**2).mean()) < 0.05 * exact.std()
