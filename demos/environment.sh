# Sourced by demos/quickstart.sh and tests/run.sh: gives `python` with the project and the named extras installed.
#
# Where a virtual environment is active it is used; else `.venv` is made in the checkout by the newest Python from 3.9 to
# 3.13, found by running every candidate (version managers leave the names of absent ones). Where none fits, uv brings
# one; where uv is missing, it is installed for that purpose into a folder that is removed afterwards.
# Usage: extras=dev source demos/environment.sh
# With release=2.15 it is `.venv-2.15` with the packages of constraints-2.15.txt, on Python 3.11.

if [ -n "${release:-}" ]; then
    _folder=.venv-$release _newest=11 _oldest=11 _constraints=constraints-$release.txt
else
    _folder=.venv _newest=13 _oldest=9 _constraints=
fi
_fits="import sys, venv, ensurepip; sys.exit(not (3, $_oldest) <= sys.version_info[:2] <= (3, $_newest))"

_make_environment() {
    local minor candidate names=
    for ((minor = _newest; minor >= _oldest; minor--)); do names="$names python3.$minor"; done
    for candidate in $names python3 python; do
        for candidate in $(type -ap "$candidate" 2>/dev/null); do
            if "$candidate" -c "$_fits" >/dev/null 2>&1; then
                echo "making $_folder with $candidate ($("$candidate" --version 2>&1))"
                "$candidate" -m venv --clear "$_folder" && return 0
            fi
        done
    done
    _make_with_uv && return 0
    {
        echo "no Python fits: expected Python 3.$_oldest to 3.$_newest with its module venv (TensorFlow has no build for others)."
        echo "Install one (Debian and Ubuntu: apt install python3-venv; any system: https://docs.astral.sh/uv, then run this"
        echo "again), or build the Dockerfile of this folder."
    } >&2
    return 1
}

_make_with_uv() {
    local uv=uv scratch= made=1
    if ! command -v uv >/dev/null 2>&1; then
        scratch=$(mktemp -d) && _install_uv "$scratch" && uv=$scratch/bin/uv || uv=
    fi
    if [ -n "$uv" ]; then
        echo "making $_folder with uv, which brings Python 3.$_newest"
        "$uv" venv --seed --clear --python "3.$_newest" "$_folder" && made=0
    fi
    [ -z "$scratch" ] || rm -rf "$scratch"
    return $made
}

# Installs uv from PyPI into a virtual environment of whatever Python 3 there is.
_install_uv() {
    local candidate
    for candidate in $(type -ap python3 python 2>/dev/null); do
        if "$candidate" -m venv "$1" >/dev/null 2>&1 && "$1/bin/python" -m pip install --quiet uv >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}

if [ -n "${VIRTUAL_ENV:-}" ] && [ -z "${release:-}" ]; then
    if ! python -c "$_fits" >/dev/null 2>&1; then
        echo "the active environment $VIRTUAL_ENV has $(python --version 2>&1); expected Python 3.9 to 3.13" >&2
        exit 1
    fi
else
    "$_folder/bin/python" -c "$_fits" >/dev/null 2>&1 || _make_environment || exit 1
    . "$_folder/bin/activate"
fi

# Installed anew only when what is asked for has changed since.
_wanted="$extras $(python --version) $(cat pyproject.toml $_constraints | cksum)"
if [ "$(cat "$VIRTUAL_ENV/.installed" 2>/dev/null)" != "$_wanted" ]; then
    echo "installing the project and what it needs (some minutes the first time)"
    _what=(--quiet --editable ".${extras:+[$extras]}" ${_constraints:+--constraint "$_constraints"})
    # uv, where there is one, takes a third of pip's time; pip knows mirrors and certificates that uv may not.
    { command -v uv >/dev/null 2>&1 && uv pip install --compile-bytecode "${_what[@]}"; } ||
        python -m pip install --disable-pip-version-check "${_what[@]}" || {
        echo "pip could not install the project: see its message above" >&2
        exit 1
    }
    echo "$_wanted" >"$VIRTUAL_ENV/.installed"
fi
