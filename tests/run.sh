#!/usr/bin/env bash
# Every check: lint, format, tests. Arguments go to pytest: `bash tests/run.sh tests/net -k cpn`.
# `release=2.15 bash tests/run.sh -m every_release`: what depends on TensorFlow's release, on the oldest one.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=dev,export,demo,pretrained
source demos/environment.sh
ruff check .
ruff format --check .
python -m pytest -n 2 "$@"
