"""The order of the records: every one once an epoch, well mixed, and the same from any position on."""

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.input import record_order

COUNTS = (60, 30, 10)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Shards of three categories, each category's records numbered through."""
    folder = tmp_path_factory.mktemp("shards")
    lists = []
    for category, count in zip("abc", COUNTS):
        lists.append({})
        for first in range(0, count, 10):
            file = str(folder / f"{category}{first}")
            with tf.io.TFRecordWriter(file) as writer:
                for number in range(first, first + 10):
                    writer.write(f"{category}{number}".encode())
            lists[-1][file] = 10
    return lists


def _read(shards, limit=None, seed=1, start=0, epochs=None, buffer_size=16):
    dataset = record_order.shuffled(shards, seed, buffer_size, start, epochs)
    rows = dataset.take(limit or -1).as_numpy_iterator()
    return [(int(position), record.decode()) for position, record in rows]


def test_an_epoch_has_every_record_once(shards):
    rows = _read(shards, epochs=3)
    everything = sorted(f"{category}{number}" for category, count in zip("abc", COUNTS) for number in range(count))
    assert [position for position, _ in rows] == list(range(300))
    orders = [[record for _, record in rows[start : start + 100]] for start in (0, 100, 200)]
    assert all(sorted(order) == everything for order in orders)
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_the_seed_decides_the_order(shards):
    assert _read(shards, 100) == _read(shards, 100)
    assert _read(shards, 100) != _read(shards, 100, seed=2)


@pytest.mark.parametrize("start", [0, 1, 99, 100, 101, 257])
def test_reading_goes_on_where_it_stopped(shards, start):
    assert _read(shards, 120, start=start) == _read(shards, start + 120)[start:]


@pytest.mark.parametrize("start", [1, 100, 257])
def test_a_graph_outside_eager_mode_goes_on_too(shards, start):
    """As Estimators read: there `==` compares tensors by identity."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        dataset = record_order.shuffled(shards, 1, 16, start)
        batch = tf.compat.v1.data.make_one_shot_iterator(dataset.batch(120)).get_next()
        positions, texts = session.run(batch)
    rows = list(zip(positions.tolist(), [text.decode() for text in texts]))
    assert rows == _read(shards, start + 120)[start:]


def test_an_end_counts_from_the_first_epoch(shards):
    assert len(_read(shards, start=150, epochs=2)) == 50
    assert _read(shards, start=250, epochs=2) == []


def test_categories_are_spread_evenly(shards):
    for seed in range(5):
        owners = np.array([record[0] for _, record in _read(shards, 100, seed=seed)])
        for category, count in zip("abc", COUNTS):
            held = [np.sum(owners[:end] == category) for end in range(1, 101)]
            # What a buffer of 16 can move, and no more.
            assert np.abs(np.array(held) - np.arange(1, 101) * count / 100).max() < 16


def test_one_category_is_shuffled_over_its_shards(shards):
    numbers = np.array([int(record[1:]) for _, record in _read(shards[:1], 60)])
    assert np.abs(np.corrcoef(numbers, np.arange(60))[0, 1]) < 0.7
    assert (np.diff(numbers) == 1).mean() < 0.2


def _ranks(rows, first, epochs):
    """Returns the place of each record within each epoch, from 0 to 1: {record: [epochs]}."""
    places = {}
    for position, record in rows:
        places.setdefault(record, []).append(position % first / first)
    assert all(len(row) == epochs for row in places.values())
    return {record: np.array(row) for record, row in places.items()}


@pytest.fixture(scope="module")
def ranks(shards):
    """The places of 100 records in 80 epochs, by two seeds; a buffer of one record leaves the order as it is read."""
    return [_ranks(_read(shards, epochs=80, seed=seed, buffer_size=1), 100, 80) for seed in (1, 2)]


def _correlation(first, second):
    return np.corrcoef(np.ravel(first), np.ravel(second))[0, 1]


def test_the_order_of_an_epoch_says_nothing_of_another(ranks):
    table = np.array(list(ranks[0].values()))
    for distance in (1, 2, 7):
        assert abs(_correlation(table[:, distance:], table[:, :-distance])) < 0.04
    # Nor does a record's place in its file say when it comes: every record is early as often as late.
    means = {record: row.mean() for record, row in ranks[0].items()}
    assert abs(_correlation([int(record[1:]) % 10 for record in means], list(means.values()))) < 0.35
    assert max(abs(mean - 0.5) for mean in means.values()) < 4 * 12**-0.5 / 80**0.5


def test_the_orders_of_categories_are_independent(ranks):
    for first, second in ("ab", "bc", "ac"):
        numbers = range(10 if "c" in (first, second) else 30)
        rows = [[ranks[0][f"{category}{number}"] for number in numbers] for category in (first, second)]
        assert abs(_correlation(*rows)) < 0.1
    # Shards of equal size in two categories are entered at other places: else their first records would meet.
    assert abs(_correlation(*([ranks[0][f"{category}0"] for category in "ab"]))) < 0.45


def test_two_seeds_order_alike_in_nothing(ranks):
    first, second = (np.array([row for _, row in sorted(found.items())]) for found in ranks)
    assert abs(_correlation(first, second)) < 0.04


def test_an_empty_shard_is_no_trouble(shards, tmp_path):
    file = str(tmp_path / "empty")
    tf.io.TFRecordWriter(file).close()
    rows = _read([{**shards[2], file: 0}], epochs=2)
    assert sorted(record for _, record in rows) == sorted(2 * [f"c{number}" for number in range(10)])


def test_unshuffled_records_come_in_the_order_of_the_files(shards):
    records = [record.decode() for record in record_order.in_order(list(shards[0])).as_numpy_iterator()]
    assert records == [f"a{number}" for number in range(60)]
