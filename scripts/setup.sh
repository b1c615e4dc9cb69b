#!/usr/bin/env bash
# Installs what is missing: the virtual environment from the lock file, and Debian's packages where apt and
# root (or sudo without a password) are there. What cannot be installed is named loudly; with CI=true a
# missing part is a failure. Quick when there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m%s\033[0m\n' "setup: $*" >&2; }

python=""
for candidate in python3.11 python3; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    say "Python 3.11 is needed and was not found."
    exit 1
fi

wanted=$(sha256sum requirements/dev.txt | cut -d' ' -f1)
if [ "$(cat .venv/.lock 2>/dev/null || true)" != "$wanted" ]; then
    say "creating the virtual environment from requirements/dev.txt"
    "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
    printf '%s' "$wanted" >.venv/.lock
fi

missing=()
needs() { command -v "$1" >/dev/null || missing+=("$2"); }
needs docker-registry docker-registry
needs skopeo skopeo
needs htpasswd apache2-utils
needs msgfmt gettext
needs chromium chromium
needs npm npm
[ -d /usr/share/fonts/opentype/noto ] || missing+=(fonts-noto-cjk)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)

if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
        say "installing ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        "${as_root[@]}" apt-get update -qq || true
        for package in "${missing[@]}"; do
            "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 ||
                say "could not install $package"
        done
    else
        say "no apt, or neither root nor sudo: cannot install ${missing[*]}"
    fi
fi

# axe-core checks accessibility in the browser tests; nothing else comes from npm.
axe=var/axe/node_modules/axe-core/axe.min.js
if [ ! -f $axe ] && command -v npm >/dev/null; then
    say "installing axe-core for the browser tests"
    mkdir -p var/axe
    npm install --prefix var/axe --no-save --no-package-lock --no-audit --no-fund --silent axe-core@4 >/dev/null 2>&1 ||
        say "could not install axe-core"
fi

status=0
if [ ! -f $axe ]; then
    say "MISSING axe-core: accessibility is not checked"
    status=1
fi
for pair in docker-registry:docker-registry skopeo:skopeo chromium:chromium htpasswd:apache2-utils msgfmt:gettext; do
    if ! command -v "${pair%%:*}" >/dev/null; then
        say "MISSING ${pair##*:}: everything that needs it is left out"
        status=1
    fi
done
if [ "$status" = 1 ] && [ "${CI:-}" = true ]; then
    say "with CI=true a missing part is a failure"
    exit 1
fi
