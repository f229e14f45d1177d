"""What declares options can be read without TensorFlow, which its functions use as if it were imported."""

import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow

from base import late_tensorflow

ROOT = Path(__file__).parents[2]


def test_it_is_tensorflow():
    assert late_tensorflow.compat is tensorflow.compat
    for name in ("__wrapped__", "no_such_function"):
        with pytest.raises(AttributeError, match=name):
            getattr(late_tensorflow, name)


def test_what_declares_options_and_what_finds_models_and_data_is_imported_without_it():
    files = [*sorted(ROOT.glob("net/**/*.py")), *sorted(ROOT.glob("preprocessing/data/*.py"))]
    files += [ROOT / "utility" / "model" / "model_directory.py", ROOT / "utility" / "prediction" / "model_choice.py"]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files]
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    code += "assert 'tensorflow' not in sys.modules"
    assert len(modules) >= 20
    subprocess.run([sys.executable, "-c", code, *modules], cwd=ROOT, check=True)
