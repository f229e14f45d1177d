"""The memory of a training over many evaluations."""

import re

import made_trainings


def resident_mib(process):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) / 1024


def test_twelve_cycles_of_training_and_evaluation_need_no_more_memory_than_three(tiny_records, tmp_path):
    process = made_trainings.start(tiny_records, tmp_path, "--train_epochs=12", "--epochs_per_eval=1", "--augment")
    sizes = [resident_mib(process) for line in process.stderr if "on validation" in line]
    assert process.wait() == 0
    assert len(sizes) == 12
    assert sizes[-1] < 1.05 * sizes[2], sizes
