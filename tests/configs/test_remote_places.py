"""URLs on command lines: which texts are URLs, and programs that read and write a store as they do a folder."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import made_models
import made_stores
import numpy as np
import pytest
from conftest import run_program

from base.remote import places
from configs import remote_places

ROOT = Path(__file__).parents[2]
NAMES = ["plain", "two words [1]", "a#b%41", "-dash", "Röcke 裙子", "a+b=c&d", "x*y", "100%"]


@pytest.mark.parametrize("text", ["s3://a/b", "gs://a", "memory://a", "s3://-x/#", "abfs+x.y://a b", "file:///tmp"])
def test_urls(text):
    assert remote_places.is_url(text)


@pytest.mark.parametrize(
    "text",
    ["C:\\x", "C:/x", "C://x", "s3:/x", "s3:", "s3://", "://x", "a b://c", "", "x", "./s3://a", "1://a", None, 3],
)
def test_what_is_no_url(text):
    assert not remote_places.is_url(text)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set of six photos, with a model of skirts."""
    folder = tmp_path_factory.mktemp("data")
    assert run_program("tools/make_synthetic_data.py", f"--output_dir={folder}/DATA", "--num_train=4", "--num_test=2",
                       "--image_size=96") == 0  # fmt: skip
    made_models.make(folder / "MODELS" / "all", category="all")
    return folder


def upload(folder, url):
    objects = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    made_stores.fill(url, objects)


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def cache(tmp_path):
    yield f"--cache_dir={tmp_path / 'cache'}"
    assert places.mirror_of("/") is places.stream_of("/") is None
    assert not places.has_streams()


@pytest.mark.parametrize("name", NAMES)
def test_records_are_the_same_from_store_to_store(data, cache, tmp_path, capsys, name):
    url = f"{made_stores.new_url()}/{name}"
    upload(data / "DATA", f"{url}/{name}")
    words = ("--val_fraction=0.25", "--splits=train_0")
    assert (
        run_program("tools/convert_tfrecords.py", f"--data_dir={data / 'DATA'}", f"--output_dir={tmp_path}/out", *words)
        == 0
    )
    own = (f"--data_dir={url}/{name}", f"--output_dir={url}/RECORDS", cache, *words)
    assert run_program("tools/convert_tfrecords.py", *own) == 0
    assert made_stores.content(f"{url}/RECORDS") == tree(tmp_path / "out")
    assert capsys.readouterr().out.splitlines()[-1] == f"{url}/RECORDS holds 20 records in 10 shards"


def test_faults_name_urls_and_what_was_there_stays(data, cache, capsys):
    url = made_stores.new_url()
    upload(data / "DATA", f"{url}/DATA")
    (photo,) = [name for name in made_stores.content(f"{url}/DATA") if "train_0/Images/skirt" in name][:1]
    made_stores.fill(f"{url}/DATA", {photo: b"no photo"})
    made_stores.fill(f"{url}/RECORDS", {"notes.txt": b"mine"})
    own = ("tools/convert_tfrecords.py", f"--data_dir={url}/DATA", f"--output_dir={url}/RECORDS", cache)
    assert run_program(*own) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"convert_tfrecords.py: {url}/DATA/train_0/Annotations/annotations.csv: line ")
    assert set(made_stores.content(f"{url}/RECORDS")) == {"notes.txt", "manifest.json"}
    assert run_program(*own, "--skip_bad") == 0
    found = made_stores.content(f"{url}/RECORDS")
    assert found["skipped.txt"].decode().startswith(f"{url}/DATA/train_0/Annotations/annotations.csv: line ")
    assert b'"complete": true' in found["manifest.json"]


def test_a_test_set_is_predicted_from_store_to_store(data, cache, tmp_path, capsys):
    url = made_stores.new_url()
    upload(data, url)
    words = (
        "--scores_output={}/scores.csv",
        "--output={}/submission.csv",
        "--data_dir={}/DATA/test_0",
        "--model_dir={}/MODELS",
    )
    (tmp_path / "here").mkdir()
    for name in ("DATA", "MODELS"):
        (tmp_path / "here" / name).symlink_to(data / name)
    assert run_program("eval_all.py", *(word.format(tmp_path / "here") for word in words)) == 0
    assert run_program("eval_all.py", *(word.format(url) for word in words), cache) == 0
    found = made_stores.content(url)
    for name in ("submission.csv", "scores.csv"):
        assert found[name] == (tmp_path / "here" / name).read_bytes()
    assert capsys.readouterr().out.splitlines()[-1] == f"{url}/submission.csv: 10 rows"
    assert not [name for name in found if Path(name).name.startswith(".")]


def test_machines_divide_a_work_by_a_store(data, tmp_path):
    """Each part is made with a cache of its own, as on another machine, and so is the merge."""
    url = made_stores.new_url()
    upload(data, url)
    records = ("tools/convert_tfrecords.py", f"--data_dir={url}/DATA", f"--output_dir={url}/RECORDS", "--splits=test_0")
    photos = ("eval_all.py", f"--data_dir={url}/DATA/test_0", f"--model_dir={url}/MODELS", "--eval_batch_size=2")
    of_records = ("eval_all.py", f"--data_dir={url}/RECORDS", f"--model_dir={url}/MODELS", "--eval_batch_size=2")
    works = [records, (*photos, f"--output={url}/a.csv"), (*of_records, f"--output={url}/b.csv")]
    for number, work in enumerate(works):
        for step in ("--shard=2/3", "--shard=1/3", "--shard=3/3", "--merge"):
            assert run_program(*work, step, f"--cache_dir={tmp_path / str(number) / step[-3]}") == 0
    found = made_stores.content(url)
    assert (
        run_program(*records[:2], f"--output_dir={tmp_path}/RECORDS", "--splits=test_0", f"--cache_dir={tmp_path}/c")
        == 0
    )
    assert {name: found[f"RECORDS/{name}"] for name in tree(tmp_path / "RECORDS")} == tree(tmp_path / "RECORDS")
    assert run_program(*photos, f"--output={tmp_path}/a.csv", f"--cache_dir={tmp_path}/c") == 0
    assert found["a.csv"] == (tmp_path / "a.csv").read_bytes()
    assert sorted(found["b.csv"].splitlines()) == sorted(found["a.csv"].splitlines())  # records go by category
    assert not [name for name in found if "/." in f"/{name}"]


def test_photos_are_predicted_where_they_lie(data, cache, tmp_path):
    url = made_stores.new_url()
    upload(data / "MODELS", f"{url}/MODELS")
    made_stores.fill(url, {"photos/a b.png": photo(), "photos/c.jpg": photo(".jpg"), "photos/list.txt": b"x"})
    own = (f"--model_dir={url}/MODELS", f"--image={url}/photos", "--category=skirt", cache)
    assert run_program("tools/predict.py", *own, f"--output_dir={url}/out") == 0
    found = made_stores.content(f"{url}/out")
    assert sorted(found) == ["a b.json", "a b.png", "c.json", "c.png", "keypoints.csv"]
    assert f'"image": "{url}/photos/a b.png"'.encode() in found["a b.json"]
    assert f"{url}/photos/c.jpg,".encode() in found["keypoints.csv"]
    assert run_program("tools/predict.py", *own, f"--output_dir={url}/photos") == 2
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("image,category,x0,y0,x1,y1\na b,skirt,0,0,40,40\n")
    assert run_program("tools/predict.py", *own, f"--output_dir={url}/boxed", f"--boxes={boxes}") == 0
    assert sorted(made_stores.content(f"{url}/boxed")) == ["a b.png", "a b_1.json", "keypoints.csv"]


def photo(ending=".png"):
    return cv2.imencode(ending, np.random.default_rng(0).integers(0, 256, (60, 50, 3)).astype(np.uint8))[1].tobytes()


def test_one_faulty_photo_costs_no_other_its_result(data, cache, capsys):
    url = made_stores.new_url()
    upload(data / "MODELS", f"{url}/MODELS")
    made_stores.fill(url, {"photos/a.png": photo(), "photos/b.png": b"", "photos/c.png": photo()[:50]})
    own = (f"--model_dir={url}/MODELS", f"--image={url}/photos", "--category=skirt", cache, f"--output_dir={url}/out")
    assert run_program("tools/predict.py", *own) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("predict.py: ")]
    assert [line.split(": ")[1] for line in lines] == [f"{url}/photos/{name}.png" for name in "bc"]
    assert {"a.json", "a.png"} <= set(made_stores.content(f"{url}/out"))


def test_other_programs(data, cache, capsys):
    url = made_stores.new_url()
    upload(data, url)
    made_stores.fill(url, {"old/a": b"1"})
    answer = f"{url}/DATA/test_0_answer.csv"
    assert (
        run_program(
            "tools/score.py", f"--prediction={answer}", f"--ground_truth={answer}", f"--json={url}/s.json", cache
        )
        == 0
    )
    assert run_program("tools/browse.py", f"--data_dir={url}/DATA", f"--output={url}/page.html", cache) == 0
    assert run_program("tools/inspect_model.py", f"--model_dir={url}/MODELS/all", cache) == 0
    yolo = (f"--data_dir={url}/DATA", "--label_format=yolo", f"--output={url}/yolo", cache)
    assert run_program("tools/export_labels.py", *yolo) == 0
    new = ("--num_train=1", "--num_test=1", "--image_size=64", cache)
    assert run_program("tools/make_synthetic_data.py", f"--output_dir={url}/new", *new) == 0
    assert run_program("tools/make_synthetic_data.py", f"--output_dir={url}/old", *new) == 1
    assert f"make_synthetic_data.py: {url}/old: is not empty" in capsys.readouterr().err
    found = made_stores.content(url)
    assert {"s.json", "page.html", "yolo/data.yaml", "new/test_0_answer.csv"} <= set(found)


UNKNOWN = "is no URL that fsspec can open (Protocol not known: zzz)"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--data_dir={}/no", "--output_dir={}/out"], "{}/no: is missing: expected a file or a folder"),
        (["--data_dir=zzz://a", "--output_dir={}/out"], f"zzz://a: {UNKNOWN}"),
        (["--data_dir=/nowhere", "--output_dir=zzz://a/b"], f"zzz://a/b: {UNKNOWN}"),
    ],
)  # fmt: skip
def test_wrong_places_are_one_line(cache, capsys, words, line):
    url = made_stores.new_url()
    assert run_program("tools/convert_tfrecords.py", *(word.format(url) for word in words), cache) == 1
    assert capsys.readouterr().err == f"convert_tfrecords.py: {line.format(url)}\n"


def test_rays_workers_take_no_urls(cache, capsys):
    url = made_stores.new_url()
    words = (f"--data_dir={url}/DATA", "--model_dir=MODELS", f"--output={url}/a.csv", "--engine=ray", cache)
    assert run_program("eval_all.py", *words) == 2
    assert capsys.readouterr().err.startswith("eval_all.py: --data_dir is a URL, which --engine=ray does not take: ")


def test_a_file_in_the_place_of_a_bucket(data, cache, capsys):
    url, bucket = made_stores.new_url(), made_stores.new_url()
    upload(data, url)
    words = (f"--model_dir={url}/MODELS", f"--data_dir={url}/DATA/test_0", f"--output={bucket}")
    assert run_program("eval_all.py", *words, cache) == 1
    assert (
        capsys.readouterr().err
        == f"eval_all.py: {bucket}: names a bucket alone: expected the name of a file in it, too\n"
    )


WITHOUT_FSSPEC = """import runpy, sys
sys.modules["fsspec"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_local_paths_need_no_fsspec(tmp_path):
    own = (f"--output_dir={tmp_path}/s3:", "--num_train=1", "--num_test=0", "--image_size=64")
    words = [sys.executable, "-c", WITHOUT_FSSPEC, "tools/make_synthetic_data.py", *own]
    assert subprocess.run(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False).returncode == 0
