# Sourced by demos/quickstart.sh and tests/run.sh: gives `python` with the project and the named extras installed.
#
# Where a virtual environment is active it is used; else `.venv` is made in the checkout by a Python 3.9 to 3.11, found by
# running every candidate (version managers leave the names of absent ones), or by uv where none fits.
# Usage: extras=dev source demos/environment.sh

_fits='import sys, venv, ensurepip; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))'

_make_environment() {
    local candidate
    for candidate in python3.11 python3.10 python3.9 python3 python; do
        for candidate in $(type -ap "$candidate" 2>/dev/null); do
            if "$candidate" -c "$_fits" >/dev/null 2>&1; then
                echo "making .venv with $candidate ($("$candidate" --version 2>&1))"
                "$candidate" -m venv --clear .venv && return 0
            fi
        done
    done
    if command -v uv >/dev/null 2>&1; then
        echo "making .venv with uv, which brings Python 3.11"
        uv venv --seed --clear --python 3.11 .venv && return 0
    fi
    {
        echo "Python 3.9, 3.10 or 3.11 (with venv) is needed: TensorFlow 2.15 has no build for others. None was found."
        echo "Install one (Debian: apt install python3.11-venv; any system: https://docs.astral.sh/uv, then run this"
        echo "again), or build the Dockerfile of this folder."
    } >&2
    return 1
}

if [ -n "${VIRTUAL_ENV:-}" ]; then
    if ! python -c "$_fits" >/dev/null 2>&1; then
        echo "the active environment $VIRTUAL_ENV has $(python --version 2>&1); Python 3.9 to 3.11 is needed" >&2
        exit 1
    fi
else
    .venv/bin/python -c "$_fits" >/dev/null 2>&1 || _make_environment || exit 1
    . .venv/bin/activate
fi

# Installed anew only when what is asked for has changed since.
_wanted="$extras $(python --version) $(cat setup.py pyproject.toml | cksum)"
if [ "$(cat "$VIRTUAL_ENV/.installed" 2>/dev/null)" != "$_wanted" ]; then
    echo "installing the project and what it needs (some minutes the first time)"
    python -m pip install --quiet --disable-pip-version-check --editable ".${extras:+[$extras]}" || {
        echo "pip could not install the project: see its message above" >&2
        exit 1
    }
    echo "$_wanted" >"$VIRTUAL_ENV/.installed"
fi
