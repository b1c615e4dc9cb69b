#!/usr/bin/env bash
# Writes requirements/*.txt, with hashes and without any registry's address, from pyproject.toml.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { .venv/bin/uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --no-header --python-version 3.11 "$@"; }
compile pyproject.toml -o requirements/runtime.txt
compile pyproject.toml --group dev -o requirements/dev.txt
