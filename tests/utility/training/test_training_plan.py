"""What the flags make of a training, against sums done by hand."""

import made_trainings
import pytest

from base.errors import UsageError
from utility.training import training_plan
from utility.training.schedule import Schedule, schedule


def settings(*words):
    return made_trainings.settings("RECORDS", "MODELS", *words)


def test_steps_of_whole_and_broken_epochs():
    length = schedule(settings("--batch_size=8", "--train_epochs=50", "--epochs_per_eval=5"), 240)
    assert length == Schedule(steps_per_epoch=30.0, total_steps=1500, steps_per_eval=150)
    length = schedule(settings("--batch_size=8", "--train_epochs=2.5", "--epochs_per_eval=0.5"), 100)
    assert length == Schedule(steps_per_epoch=12.5, total_steps=31, steps_per_eval=7)


def test_max_steps_is_an_upper_bound():
    assert schedule(settings("--max_steps=7"), 240).total_steps == 7
    assert schedule(settings("--max_steps=10000", "--train_epochs=1"), 240).total_steps == 60


def test_each_category_has_its_own_epochs_and_learning_rate():
    words = ("--model_to_train=skirt,dress", "--category_epochs=skirt:40", "--category_learning_rates=dress:1e-3")
    (skirt, of_skirt), (dress, of_dress) = training_plan.models(settings(*words))
    assert (skirt, of_skirt.train_epochs, of_skirt.learning_rate) == ("skirt", 40, 2.5e-3)
    assert (dress, of_dress.train_epochs, of_dress.learning_rate) == ("dress", 60, 1e-3)


def test_seq_train_puts_all_first_and_starts_the_others_from_it():
    plan = training_plan.models(settings("--seq_train", "--model_to_train=skirt,dress", "--seq_train_epochs=3"))
    assert [category for category, _ in plan] == ["all", "skirt", "dress"]
    assert plan[0][1].train_epochs == 3
    assert plan[0][1].checkpoint_path is None
    assert {own.checkpoint_path for _, own in plan[1:]} == {"MODELS/all"}


@pytest.mark.parametrize(
    "items", [["skirt"], ["skirt:"], ["coat:3"], ["skirt:-1"], ["skirt:1", "skirt:2"], ["skirt:nan"]]
)
def test_a_wrong_value_of_a_category_is_refused(items):
    with pytest.raises(UsageError, match="category_epochs"):
        training_plan.models(settings(f"--category_epochs={','.join(items)}"))


def test_how_long_and_how_watched_does_not_bind_and_what_is_learned_does():
    one = training_plan.binding(settings(), {"skirt": 3})
    same = ("--train_epochs=99", "--max_steps=4", "--early_stopping=2", "--on_nan=rollback", "--save_minutes=1")
    assert training_plan.binding(settings(*same), {"skirt": 3}) == one
    for word in ("--batch_size=5", "--optimizer=adam", "--tf_random_seed=1", "--weight_decay=0.1", "--augment"):
        assert training_plan.binding(settings(word), {"skirt": 3}) != one
    assert training_plan.binding(settings(), {"skirt": 4}) != one
