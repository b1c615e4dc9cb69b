#!/usr/bin/env bash
# Every check that is not a test. Runs them all, then fails if one failed.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

run() {
    printf '\033[1m%s\033[0m\n' "check: $1"
    shift
    "$@" || status=1
}

export REGATTA_DATA_DIR=$scratch
run "lint" $bin/ruff check .
run "format" $bin/ruff format --check .
run "types" env REGATTA_DEBUG=true $bin/mypy .
run "layers" env REGATTA_DEBUG=true $bin/lint-imports
run "migrations are complete" env REGATTA_DEBUG=true $bin/python manage.py makemigrations --check --dry-run
run "the REST API is as described" env REGATTA_DEBUG=true bash -c \
    "$bin/python manage.py spectacular --file $scratch/openapi.yaml && diff docs/reference/openapi.yaml $scratch/openapi.yaml"
run "deployment settings" env -u REGATTA_DEBUG \
    REGATTA_BASE_URL=https://regatta.example.org \
    REGATTA_SECRET_KEY="$($bin/python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    REGATTA_VAULT_KEYS="$($bin/python -c 'import base64, os; print("k1:" + base64.urlsafe_b64encode(os.urandom(32)).decode())')" \
    $bin/python manage.py check --deploy --fail-level WARNING
run "dependencies" $bin/python scripts/audit_dependencies.py
exit $status
