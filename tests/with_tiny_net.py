"""Runs a program that knows the net of `made_trainings`: `python tests/with_tiny_net.py eval_all.py --model_dir=…`."""

import os
import runpy
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import made_trainings  # noqa: F401 (it registers the net)

    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
