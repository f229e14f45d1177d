"""Prediction and conversion on a Ray cluster of three nodes, of which one dies: the bytes of the local engine."""

import pytest
from made_models import make
from made_splits import MadePhoto, Row, write

from base import cluster
from preprocessing.data import annotations, conversion, conversion_on_ray, conversion_plan, layout
from utility.prediction import inference, model_choice, photo_source, predict_all

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")
COUNT = 60


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model of all, a train split of skirts and dresses, and a test split of the same photos."""
    folder = tmp_path_factory.mktemp("place")
    make(folder / "models" / "all", category="all")
    made = []
    for number in range(COUNT):
        category = ("skirt", "dress")[number % 2]
        point = "hemline_left" if category == "skirt" else "neckline_left"
        row = Row(category, None, {point: (number % 30, number % 40, 1)})
        made.append(MadePhoto(f"Images/{category}/{number}.jpg", (50 + number % 7, 60), (row,)))
    write(folder, made, has_boxes=False)
    write(folder, made, split="test_0", has_boxes=False)
    rows = [f"{photo.image_id},{photo.rows[0].category}" for photo in made]
    (folder / "test_0/test.csv").write_text("\n".join(["image_id,image_category", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def nodes():
    """A cluster of a node without cores, to which the program connects, and of three with one each."""
    own = start_cluster()
    workers = [own.add_node(num_cpus=1) for _ in range(3)]
    with cluster.connected(own.address):
        yield own, workers
    own.shutdown()


def start_cluster(tries=3):
    """Returns a cluster of its head. Ray waits for its processes for a fixed time, which a busy machine may exceed."""
    try:
        return cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    except Exception:  # Ray has no type of its own for this
        if tries == 1:
            raise
        ray.shutdown()
        return start_cluster(tries - 1)


def work(place):
    source = photo_source.find(str(place / "test_0"))
    models = model_choice.find_models([str(place / "models")], source.counts)
    return predict_all.Work(source, models, inference.Options(), 4)


def convert(place, folder, **engine):
    rows, faults = conversion_plan.read_rows(layout.list_splits(place), photo_source.schemas.default())
    shards = conversion_plan.make_plan(rows, True, 0.1, 0, shard_records=8)
    conversion.convert(shards, str(folder), True, False, faults, **engine)
    return {path.name: path.read_bytes() for path in folder.glob("*")}


@pytest.mark.timeout(600)
def test_a_node_dies_and_the_bytes_are_those_of_this_process(place, nodes, tmp_path):
    predict_all.predict_all(work(place), str(tmp_path / "a.csv"), str(tmp_path / "a_scores.csv"))
    own, workers = nodes
    done = []

    def on_photo():
        done.append(1)
        if len(done) == COUNT // 3:
            own.remove_node(workers[0], allow_graceful=False)

    predict_all.predict_all(
        work(place), str(tmp_path / "b.csv"), str(tmp_path / "b_scores.csv"), on_photo, engine="ray"
    )
    assert len(done) == COUNT
    assert len(annotations.read(tmp_path / "b.csv").image_ids) == COUNT
    for name in (".csv", "_scores.csv"):
        assert (tmp_path / f"a{name}").read_bytes() == (tmp_path / f"b{name}").read_bytes()
    assert convert(place, tmp_path / "b", written=conversion_on_ray.written) == convert(place, tmp_path / "a")
