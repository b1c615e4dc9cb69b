"""A backend's password goes to the address that it was entered for, and to no other."""

import pytest
from django.utils import timezone

from registries.models import Backend, Credential
from registries.services import platform
from tests.factories import make_backend

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("url", "kept"), [("http://127.0.0.1:9", "of-the-backend"), ("http://127.0.0.2:9", "")]
)
def test_a_new_address_clears_the_stored_password(url, kept):
    backend: Backend = make_backend(
        endpoint_url="http://127.0.0.1:9", username="robot", password="of-the-backend"
    )
    platform.update_backend(
        backend=backend,
        values={"endpoint_url": url},
        credential=("robot", None),
        by=None,
        now=timezone.now(),
    )
    assert Credential.objects.get().open_password() == kept
