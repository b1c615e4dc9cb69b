"""What all unit tests share."""

import pytest


@pytest.fixture(autouse=True)
def quick_hashing(request: pytest.FixtureRequest) -> None:
    """Hash passwords in microseconds: half a second for each user is no part of what is tested."""
    wants_database = {"db", "transactional_db"} & set(request.fixturenames)
    if wants_database or request.node.get_closest_marker("django_db"):
        hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        request.getfixturevalue("settings").PASSWORD_HASHERS = hashers
