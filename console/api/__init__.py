"""
The REST API, `/api/v1/`: one module per noun over the same forms and services as the pages.

`view.ApiView` is what all of them share; a new noun needs its module, its lines in `urls.py`, and rows in
tests/architecture/permissions.toml. The shape of a body comes from its form (`bodies.py`), and what goes wrong is
said by `problems.py`.
"""
