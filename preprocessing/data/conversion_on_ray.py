"""A Ray cluster converts: each shard is read, checked and written by one of its cores, into a folder that all see."""

import functools
import os

from base import cluster
from preprocessing.data import shard_writing
from preprocessing.data.row_examples import process


def written(shards, folder, skip_bad, on_photo, on_remark):
    """Yields what `write_shard` returns of each shard, within `cluster.connected`; as `shard_writing.written`."""
    results = cluster.stream(shards, functools.partial(_write, os.path.abspath(folder), skip_bad))
    for shard, (result, remarks) in zip(shards, results):
        for remark in remarks:
            on_remark(remark)
        for _ in shard.rows:
            on_photo()
        yield result


def _write(folder, skip_bad, shard):
    remarks = []

    def outcomes():
        for outcome in map(process, shard.rows):
            remarks.extend([outcome.remark] if outcome.remark else [])
            yield outcome

    return shard_writing.write_shard(shard, folder, outcomes(), skip_bad), remarks
