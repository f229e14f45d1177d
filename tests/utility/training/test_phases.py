"""Deep fashion alignment, trained in phases: their steps, what they freeze, and a resume in and between them."""

import dataclasses
import os

import hypothesis
import made_dfa
import made_trainings
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from base.errors import DataError, UsageError
from net import registry
from utility.model import model_directory
from utility.training import distribution, hooks, phase_files, phases, training


@pytest.fixture(autouse=True, scope="module")
def small():
    with made_dfa.small_vgg():
        yield


def plan(*words):
    own = made_dfa.settings(*words)
    options = {name: own.flags[name] for name in made_dfa._NET}
    return training.plan_job("skirt", own, "dfa", options, distribution.Distribution())


@pytest.fixture(scope="module")
def job(tiny_records, tmp_path_factory):
    return plan(f"--data_dir={tiny_records}", f"--model_dir={tmp_path_factory.mktemp('job')}")


@hypothesis.given(
    total=st.integers(3, 5000), shares=st.lists(st.floats(0.001, 1), min_size=3, max_size=3), stages=st.integers(1, 3)
)
@hypothesis.settings(deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_phases_divide_the_steps(job, total, shares, stages):
    schedule = dataclasses.replace(job.schedule, total_steps=total)
    model = job.model.with_net(stage_shares=shares, num_stages=stages)
    parts = phases.parts(dataclasses.replace(job, schedule=schedule, model=model))
    edges = [0, *(part.schedule.total_steps for part in parts)]
    assert [part.schedule.start_step for part in parts] == edges[:-1]
    assert edges[-1] == total
    assert all(earlier < later for earlier, later in zip(edges, edges[1:]))
    for part, share in zip(parts, shares):
        expected = total * share / sum(shares[:stages])
        assert abs(part.schedule.total_steps - part.schedule.start_step - expected) <= 3


def test_what_phases_cannot_do_is_refused(job):
    few = dataclasses.replace(job.schedule, total_steps=1)
    with pytest.raises(UsageError, match="1 steps are too few for 2 stages"):
        phases.parts(dataclasses.replace(job, schedule=few))
    with pytest.raises(UsageError, match="--swa_start_epoch"):
        phases.parts(dataclasses.replace(job, settings=dataclasses.replace(job.settings, swa_start_epoch=0.0)))


@pytest.fixture(scope="module")
def undisturbed(tiny_records, tmp_path_factory):
    """(the model's folder, {step: the checkpoints written at it}): a phase begins with one of its own."""
    folder = tmp_path_factory.mktemp("undisturbed")
    kept = {}
    save = hooks.SaveHook._save

    def keep(self, session, step):
        path = save(self, session, step)
        kept.setdefault(step, []).append(made_trainings.variables(path))
        return path

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hooks.SaveHook, "_save", keep)
        made_dfa.train(f"--data_dir={tiny_records}", f"--model_dir={folder}", "--save_minutes=0.001")
    return folder / "skirt", kept


def net_of(variables, *networks):
    starts = tuple(f"dfa/{network}/" for network in networks)
    return {name: value for name, value in variables.items() if name.startswith(starts) and "/Adam" not in name}


def test_each_phase_trains_its_stage_and_leaves_the_others(undisturbed):
    _, kept = undisturbed
    for trained, frozen, start, end in (("stage1", "stage2", 0, 2), ("stage2", "stage1", 2, 4)):
        checkpoints = kept[start][-1], kept[end][0]
        before, after = (net_of(checkpoint, frozen) for checkpoint in checkpoints)
        assert before
        assert all(np.array_equal(before[name], after[name]) for name in before)
        before, after = (net_of(checkpoint, trained) for checkpoint in checkpoints)
        assert np.mean([np.array_equal(before[name], after[name]) for name in before]) < 0.25  # units that are dead


def test_a_stage_starts_from_the_one_before(undisturbed):
    _, kept = undisturbed
    end, start = kept[2]
    for part in ("vgg16", "fc6"):
        copied = net_of(start, f"stage2/{part}")
        assert copied
        for name, value in copied.items():
            np.testing.assert_array_equal(value, end[name.replace("stage2", "stage1")], err_msg=name)


def test_both_networks_of_the_last_stage_start_from_the_second():
    last = registry.get_net("dfa").phases(registry.make_options("dfa", {}))[2]
    assert last.copies == {
        f"dfa/stage3_{kind}/{part}/": f"dfa/stage2/{part}/" for kind in ("easy", "hard") for part in ("vgg16", "fc6")
    }


class Killed(Exception):
    pass


def test_a_training_killed_in_and_between_phases_ends_as_an_undisturbed_one(
    tiny_records, undisturbed, tmp_path, monkeypatch
):
    folder, kept = undisturbed
    words = (f"--data_dir={tiny_records}", f"--model_dir={tmp_path}", "--save_minutes=0.001")
    save = hooks.SaveHook._save
    for last in (2, 3):  # as the second phase begins, and within it

        def save_and_die(self, session, step, last=last):
            save(self, session, step)
            if step == last:
                raise Killed

        monkeypatch.setattr(hooks.SaveHook, "_save", save_and_die)
        with pytest.raises(Killed):
            made_dfa.train(*words)
    monkeypatch.setattr(hooks.SaveHook, "_save", save)
    made_dfa.train(*words)
    found = made_trainings.variables(str(tmp_path / "skirt" / "model.ckpt-4"))
    assert found.keys() == kept[4][-1].keys()
    for name, value in kept[4][-1].items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    tables = [pd.read_csv(os.path.join(place, "metrics.csv")) for place in (folder, tmp_path / "skirt")]
    assert list(tables[0]["step"]) == [2, 4]
    pd.testing.assert_frame_equal(*tables, rtol=1e-4)
    one, other = (phase_files.read(str(place)).clusters for place in (folder, tmp_path / "skirt"))
    for stage in (0, 1):
        for centres, others in zip(one[stage].centres, other[stage].centres):
            np.testing.assert_allclose(centres, others, atol=1e-5)


def test_the_best_checkpoint_is_of_the_last_phase(undisturbed):
    folder, _ = undisturbed
    assert model_directory.checkpoint(str(folder)).endswith("best/model.ckpt-4")


def test_other_phases_are_refused_when_a_training_resumes(tiny_records, undisturbed):
    folder, _ = undisturbed
    words = (f"--data_dir={tiny_records}", f"--model_dir={folder.parent}")
    with pytest.raises(DataError, match=r"phase_ends is \[2, 4\] there, \[4, 8\] was asked for"):
        made_dfa.train(*words, "--max_steps=8")


def test_a_damaged_file_of_the_phases_is_named(undisturbed, tmp_path):
    folder, _ = undisturbed
    text = (folder / phase_files.FILE).read_text()
    (tmp_path / phase_files.FILE).write_text(text)
    assert phase_files.read(str(tmp_path)).clusters.keys() == {0, 1}
    for damaged, named in (
        (text.replace('"is_soft": true', '"is_soft": 1'), "clusters.0.is_soft: expected true or false"),
        (text.replace('"copies": true, ', ""), "copies: expected this key"),
        (text[:40], "expected JSON"),
    ):
        (tmp_path / phase_files.FILE).write_text(damaged)
        with pytest.raises(DataError, match=named):
            phase_files.read(str(tmp_path))


def test_a_finished_training_is_passed_over(tiny_records, undisturbed, capfd):
    folder, _ = undisturbed
    before = tf.io.gfile.stat(str(folder / "model.ckpt-4.index")).mtime_nsec
    made_dfa.train(f"--data_dir={tiny_records}", f"--model_dir={folder.parent}")
    assert tf.io.gfile.stat(str(folder / "model.ckpt-4.index")).mtime_nsec == before
