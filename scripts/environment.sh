# The Python environment that the commands in scripts/ and .ci/run share: sourced by them, not run.
#
# Sets `root`, the repository, and `python`, the interpreter of its .venv. That one is always called by its path,
# with `-m` for tools: the scripts in .venv/bin break when the path holds a space or the directory moves.

root="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." >/dev/null && pwd -P)"
venv="$root/.venv"
python="$venv/bin/python"
candidates="python3 python3.14 python3.13 python3.12 python3.11"

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Prints a path as one from the root. macOS' realpath knows none that isn't there yet.
absolute() {
    case "$1" in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$PWD/$1" ;;
    esac
}

# Prints the first of the named interpreters that runs and is new enough.
first_suitable_python() {
    local name
    for name in "$@"; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$name"
            return
        fi
    done
    fail "Reprotech needs Python 3.11 or newer, and there is none on the PATH."
}

# take_lock DESCRIPTOR NAME [WHEN HELD]: waits for run/NAME.lock, or fails with that sentence when it is held.
# The lock sits on the open file, so it ends with the processes that hold it, however they end. A server that ends
# removes its file: who waited for that one (exit code 75) opens the one that has its place.
take_lock() {
    local holder code=75
    mkdir -p "$root/run" 2>/dev/null && [ -w "$root/run" ] || fail "Can't write to $root/run: run this as the owner of $root."
    holder="$(first_suitable_python "$python" $candidates)"
    while [ "$code" = 75 ]; do
        code=0
        eval "exec $1>>\"\$root/run/\$2.lock\""
        "$holder" -c 'import fcntl, os, sys
descriptor, path, held = int(sys.argv[1]), sys.argv[2], sys.argv[3]
try:
    fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if held else 0))
    is_in_place = os.path.samestat(os.fstat(descriptor), os.stat(path))
except BlockingIOError:
    sys.exit(held)
except FileNotFoundError:
    is_in_place = False
sys.exit(0 if is_in_place else 75)' "$1" "$root/run/$2.lock" "${3:-}" || code=$?
    done
    return "$code"
}

# The directory .venv/installed holds a fingerprint of each requirements file that is installed completely. It is called
# installing while that is being changed; then, after an interruption, .venv is in any state and made again from nothing.
# An environment that has neither was made by somebody else, perhaps for a server that runs from it: it is used, if it
# has what is required, and never changed.
is_ours() { [ -d "$venv/installed" ] || [ -d "$venv/installing" ]; }

make_venv() {
    local base
    base="$(first_suitable_python $candidates)"
    "$base" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        fail "$base can't make virtual environments. Install its venv module (Debian and Ubuntu: apt-get install python3-venv)."
    say "Making .venv with $("$base" --version) ..."
    # Marked as ours first, so that an interruption leaves nothing that looks like somebody else's.
    mkdir -p "$venv/installing"
    find "$venv/" -mindepth 1 -maxdepth 1 ! -name installing -exec rm -rf {} +
    "$base" -m venv "$venv"
    rm -f "$venv/installing/"*
    mv "$venv/installing" "$venv/installed"
}

# unmet FILE...: prints each requirement, name and version, that the packages in .venv don't fulfil.
unmet() {
    "$python" -c 'import re, sys
from importlib.metadata import PackageNotFoundError, version

def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None

for path in sys.argv[1:]:
    for line in open(path, encoding="utf-8"):
        wanted = re.match(r"([\w.-]+)(?:\[.*?\])?==([^\s;#]+)", line)
        if wanted and installed(wanted[1]) != wanted[2]:
            print(wanted[1], wanted[2])' "$@"
}

use_as_it_is() {
    local lacking
    lacking="$(unmet "$@" 2>/dev/null)" || lacking="a Python that starts"
    [ -z "$lacking" ] ||
        fail "$venv was not made by these scripts, so they don't change it, and it lacks ${lacking%%$'\n'*} ($(basename "$1")). Do: $python -m pip install -r $1"
}

# Whether a scripts/server runs from here: each holds the lock of its port.
is_serving() {
    "$(first_suitable_python "$python" $candidates)" -c 'import fcntl, sys
for path in sys.argv[1:]:
    try:
        fcntl.flock(open(path), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(0)
    except FileNotFoundError:
        pass
sys.exit(1)' "$root"/run/server-*.lock
}

# Of the files and of the interpreter, since packages are installed for one version of Python.
fingerprint() {
    cat "$@" | "$python" -c 'import hashlib, sys
print(hashlib.sha256(sys.version.encode() + sys.stdin.buffer.read()).hexdigest())'
}

# install_requirements FILE [INCLUDED FILE...]: brings .venv in line with FILE unless it already is.
install_requirements() {
    local stamp wanted
    if [ -e "$venv" ] && ! is_ours; then
        use_as_it_is "$@"
        return
    fi
    [ -d "$venv/installed" ] && "$python" -c 'import pip' 2>/dev/null || make_venv
    stamp="$venv/installed/$(basename "$1")"
    wanted="$(fingerprint "$@")"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return
    fi
    say "Installing $(basename "$1") ..."
    mv "$venv/installed" "$venv/installing"
    "$python" -m pip install -qq --no-input --disable-pip-version-check -r "$1" ||
        fail "Installing $(basename "$1") failed."
    printf '%s\n' "$wanted" >"$venv/installing/$(basename "$1")"
    mv "$venv/installing" "$venv/installed"
}

install_server() { install_requirements "$root/requirements.txt"; }

# For commands that run beside a server, whose packages must stay what they were when it started: uses .venv as it is,
# and makes it or brings it in line only while no server runs.
use_server_packages() {
    if [ -e "$venv" ] && ! is_ours; then
        use_as_it_is "$root/requirements.txt"
        return
    fi
    if [ ! -d "$venv/installing" ] && [ -z "$(unmet "$root/requirements.txt" 2>&1)" ]; then
        return
    fi
    if is_serving; then
        fail "The packages in $venv are not those of requirements.txt, and a server runs with them. Restart it by scripts/server first."
    fi
    take_lock 7 setup
    install_server
    exec 7>&-
}

install_tools() {
    install_server
    install_requirements "$root/requirements-dev.txt" "$root/requirements.txt" "$root/requirements-tracing.txt"
}

install_tests() {
    install_tools
    (cd "$root" && "$python" -m scripts.assets)
}
