"""Makes the database match a declarative file; `docs/reference/apply.md` describes the file."""
