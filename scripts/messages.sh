#!/usr/bin/env bash
# Writes the Chinese catalogue anew from the strings that are marked for translation, and compiles it.
# Sorted by file and without line numbers or dates, so that it only changes where a string does. It is made in a copy
# of the sources, because Django's makemessages puts files beside the templates; with a directory as its argument,
# it goes there. A string that is new or has changed is left empty or marked fuzzy: a test says so.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$PWD/.venv/bin/python
[ -x "$python" ] || python=$(command -v python3)
home=console/locale/zh_Hans/LC_MESSAGES
into=${1:-$home}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

mkdir -p "$copy/locale/zh_Hans/LC_MESSAGES"
cp "$home/django.po" "$copy/locale/zh_Hans/LC_MESSAGES/"
find console registries syncjobs templates \( -name '*.py' -o -name '*.html' \) -exec cp --parents -t "$copy" {} +
cd "$copy"
env -u DJANGO_SETTINGS_MODULE "$python" -m django makemessages --verbosity 0 --locale zh_Hans --add-location=file \
    --no-obsolete --no-wrap
cd - >/dev/null
msgcat --sort-by-file --no-wrap "$copy/locale/zh_Hans/LC_MESSAGES/django.po" |
    sed '/^"POT-Creation-Date: /d' >"$copy/django.po"
msgfmt --check --output-file="$copy/django.mo" "$copy/django.po"
cp "$copy/django.po" "$copy/django.mo" "$into/"
