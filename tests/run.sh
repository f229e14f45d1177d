#!/usr/bin/env bash
# Every check: lint, format, tests. Arguments go to pytest: `bash tests/run.sh tests/net -k cpn`.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=dev,export,demo,pretrained
source demos/environment.sh
ruff check .
ruff format --check .
python -m pytest -n 2 "$@"
