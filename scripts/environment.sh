# shellcheck shell=sh
# Make .venv ready. Sourced by scripts/run and scripts/test, which set $root to the checkout's real path first.
#
#   prepare_environment runtime   what requirements.lock pins, and the checkout itself
#   prepare_environment dev       what requirements-dev.lock pins (the same and the test tools), and the checkout itself
#
# A stamp in .venv says what was installed and from which files, so that the next call is instant. Whatever goes wrong
# ends the script with one line that starts with "cival:".

: "${root:?is the checkout, set by the script that sources this}"
venv=$root/.venv
stamp=$venv/cival-stamp
log=$root/.venv.log

# Folders on PYTHONPATH come before ours, and a stranger's `config` or `storage` would be imported.
unset PYTHONPATH PYTHONHOME

say() { printf 'cival: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# Print the first Python that starts and is new enough.
find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v -- "$candidate"
            return 0
        fi
        if [ "$candidate" = "${PYTHON:-}" ]; then
            say "\$PYTHON is $PYTHON, which does not start or is older than 3.11; looking for another"
        fi
    done
    return 1
}

lock_of() {
    case $1 in
        dev) echo "$root/requirements-dev.lock" ;;
        *) echo "$root/requirements.lock" ;;
    esac
}

# Print the stamp of KIND for the files as they are now. The path is in it because the scripts in .venv/bin name their
# interpreter by its path: a checkout that was moved needs a new .venv.
stamp_of() {
    "$venv/bin/python" -I -c '
import hashlib, pathlib, sys
kind, venv, *files = sys.argv[1:]
digest = hashlib.sha256(sys.version.encode())
for name in files:
    digest.update(pathlib.Path(name).read_bytes())
print(kind, digest.hexdigest(), venv)' "$1" "$venv" "$root/pyproject.toml" "$(lock_of "$1")" 2>/dev/null
}

# True if .venv holds what KIND needs, as its files are now. The test tools' environment serves the engine too.
is_ready() {
    [ -x "$venv/bin/cival" ] && [ -r "$stamp" ] || return 1
    installed=$(cat -- "$stamp")
    for kind in dev "$1"; do
        if [ "$installed" = "$(stamp_of "$kind")" ]; then return 0; fi
    done
    return 1
}

# True if packages can be installed into .venv: its Python starts and is new enough, it was made here, and pip is there
# unless uv does the work.
is_usable() {
    "$venv/bin/python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)' \
        >/dev/null 2>&1 || return 1
    if [ -r "$stamp" ]; then
        case $(cat -- "$stamp") in *" $venv") ;; *) return 1 ;; esac
    fi
    [ -n "$uv" ] || "$venv/bin/python" -I -m pip --version >/dev/null 2>&1
}

# Run a command with its output in the log; on failure, die with WHAT and the first error that the log shows.
logged() {
    what=$1
    shift
    if "$@" >"$log" 2>&1 </dev/null; then return 0; fi
    reason=$(grep -iE 'error|denied|no space|×|─▶' "$log" | head -n 1 | sed 's/^[[:space:]]*//' | cut -c 1-160)
    die "$what: ${reason:-$(tail -n 1 "$log")} (all of it: $log)"
}

install() {
    if [ -n "$uv" ]; then
        "$uv" pip install --python "$venv/bin/python" "$@"
    else
        "$venv/bin/python" -I -m pip install --disable-pip-version-check --no-input "$@"
    fi
}

make_venv() {
    python=$(find_python) || die "needs Python 3.11 or newer: install one, or name it in \$PYTHON"
    say "making .venv with $python ($("$python" -I -c 'import platform; print(platform.python_version())'))"
    if [ -n "$uv" ]; then
        logged "cannot make .venv" "$uv" venv --python "$python" "$venv"
    else
        logged "cannot make .venv (Debian: apt-get install python3-venv, or install uv)" "$python" -I -m venv "$venv"
    fi
}

# Wait until no other scripts/run or scripts/test changes .venv. The lock is that of descriptor 9, and so this shell's.
# Python takes it, because not every system has a flock command.
take_turn() {
    python=$(find_python) || die "needs Python 3.11 or newer: install one, or name it in \$PYTHON"
    if ! "$python" -I -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)' 2>/dev/null; then
        say "waiting for another set-up of .venv to finish"
        "$python" -I -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' || die "cannot lock $root/.venv.lock"
    fi
}

set_up() {
    take_turn
    if is_ready "$1"; then return 0; fi # Another call did it while this one waited.
    uv=$(command -v uv) && "$uv" --version >/dev/null 2>&1 || uv=
    if [ -e "$venv" ] || [ -L "$venv" ]; then
        if ! is_usable; then
            say "replacing .venv, which no longer starts here"
            rm -rf -- "$venv" || die "cannot remove $venv"
        fi
    fi
    [ -d "$venv" ] || make_venv
    rm -f -- "$stamp"
    lock=$(lock_of "$1")
    say "installing the $(grep -c '^[a-zA-Z0-9]' "$lock") packages of ${lock##*/}"
    logged "cannot install ${lock##*/}" install --require-hashes -r "$lock"
    logged "cannot install the checkout" install --no-deps --no-build-isolation --no-index -e "$root"
    [ -x "$venv/bin/cival" ] || die "the checkout was installed, but $venv/bin/cival is missing"
    stamp_of "$1" >"$stamp" || die "cannot write $stamp"
    rm -f -- "$log"
    say "ready"
}

prepare_environment() {
    for file in "$root/pyproject.toml" "$(lock_of "$1")"; do
        [ -r "$file" ] || die "cannot read $file; is this a whole checkout?"
    done
    if is_ready "$1"; then return 0; fi
    for folder in "$root" "$venv"; do
        if [ -e "$folder" ] && [ ! -w "$folder" ]; then
            die "cannot write to $folder: set up as its owner, or from a copy of the checkout"
        fi
    done
    # A subshell, so that the lock ends with it and is not handed on to the engine.
    (set_up "$1") 9>>"$root/.venv.lock" || exit 1
}
