"""TensorFlow says nothing on the terminal unless it is asked, and nothing else is lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base import tensorflow_log

ROOT = Path(__file__).parents[2]

CHATTER = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795543698.988767    8237 cudart_stub.cc:31] Could not find cuda drivers, GPU will not be used.",
    "E0000 00:00:1795546282.326039   26037 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error",
    "I1124 18:08:05.123456   8237 device_compiler.h:186] Compiled cluster using XLA!",
    "2026-11-24 18:08:05.404742: I external/local_tsl/tsl/cuda/cudart_stub.cc:31] Could not find cuda drivers.",
    "2026-11-24 18:08:07.778532: W tensorflow/compiler/tf2tensorrt/utils/py_utils.cc:38] TF-TRT Warning",
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.",
]
FATAL = [
    "2026-11-24 18:08:05.404742: F tensorflow/core/platform/cpu_feature_guard.cc:37] AVX instructions are missing.",
    "F0000 00:00:1795543698.988767    8237 tpu.cc:1] cannot go on",
]
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=30)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(CHATTER + FATAL), WORDS.filter(lambda text: text not in CHATTER))))
def test_only_chatter_is_held_back(lines):
    reader, writer = os.pipe()
    stderr = os.dup(2)
    os.dup2(writer, 2)
    try:
        with tensorflow_log.without_chatter():
            for line in lines:
                os.write(2, f"{line}\n".encode())
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(writer)
    with open(reader, encoding="utf-8", newline="\n") as pipe:
        assert pipe.read() == "".join(f"{line}\n" for line in lines if line not in CHATTER)


@pytest.mark.parametrize("verbosity", [0, 2])
def test_an_import_says_something_only_when_asked(verbosity):
    script = f"""
from base import tensorflow_log
tensorflow_log.prepare({verbosity})
import tensorflow as tf
tf.config.list_physical_devices()
assert type(tf.__spec__.loader).__name__ == "SourceFileLoader"
assert tf.reduce_sum(tf.ones([3])) == 3
"""
    assert bool(_stderr([sys.executable, "-c", script])) == bool(verbosity)


def test_an_error_of_the_import_is_still_an_error(tmp_path):
    (tmp_path / "tensorflow.py").write_text("import os; os.write(2, b'a word\\n'); raise ImportError('broken')")
    script = f"""
import sys
sys.path.insert(0, {os.fspath(tmp_path)!r})
from base import tensorflow_log
tensorflow_log.prepare(0)
try:
    import tensorflow
except ImportError as error:
    assert str(error) == "broken"
"""
    assert _stderr([sys.executable, "-c", script]) == "a word\n"


def _stderr(words):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stderr
