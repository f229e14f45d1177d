#!/usr/bin/env bash
# Every check: lint, format, types, tests. Arguments go to pytest: `bash tests/run.sh tests/net -k cpn`.
# `release=2.15 bash tests/run.sh -m every_release`: what depends on TensorFlow's release, on the oldest one.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=dev,export,demo,pretrained,remote
[ -n "${release:-}" ] || extras=$extras,cluster # Ray's tests look at nothing that TensorFlow's release changes
source demos/environment.sh
ruff check .
ruff format --check .
if command -v mypy >/dev/null; then mypy; fi # it has no release for Python 3.9
# worksteal: neighbours stay in one process, where what a file prepares for its tests is prepared once.
python -m pytest -n 2 --dist worksteal "$@"
