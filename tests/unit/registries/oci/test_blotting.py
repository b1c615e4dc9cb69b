"""Nothing that a registry was shown comes back through its words."""

import json
from base64 import b64encode
from dataclasses import replace

import pytest

from registries.oci.blotting import blotter
from registries.oci.endpoint import Endpoint
from registries.oci.errors import RegistryError
from tests.fakes.auth import BasicAuth
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import connect, run

PASSWORD = "p/ss w+rd-7"
ENDPOINT = Endpoint("https://reg.example", username="robot", password=PASSWORD)
PAIR = b64encode(f"robot:{PASSWORD}".encode()).decode()


class TestBlotter:
    @pytest.mark.parametrize(
        "spelling",
        [PASSWORD, PAIR, PAIR.rstrip("="), "p%2Fss%20w%2Brd-7", "p%2Fss+w%2Brd-7", f"Basic {PAIR}"],
    )
    def test_blots_the_password_out_however_it_is_spelled(self, spelling):
        text = blotter(ENDPOINT)(f"got {spelling}, denied")

        assert spelling not in text
        assert "denied" in text

    def test_blots_tokens_that_it_never_saw(self):
        text = blotter(Endpoint("https://reg.example"))(
            "Bearer abcdefghijkl was refused, eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl too"
        )

        assert text == "Bearer … was refused, … too"

    def test_leaves_other_words_alone(self):
        assert blotter(ENDPOINT)("manifest unknown: basic auth") == "manifest unknown: basic auth"

    def test_says_where_a_registry_is_unless_that_is_private(self):
        words = "no connection to 10.0.0.7:5000: tenant-7/team/app at https://10.0.0.7:5000/v2/"
        open_one = Endpoint("https://10.0.0.7:5000", "tenant-7")

        assert blotter(open_one)(words) == words
        private = blotter(replace(open_one, is_private=True))(words)
        assert private == "no connection to the registry: team/app at the registry/v2/"


class TestErrors:
    @pytest.mark.parametrize(
        "body",
        [
            json.dumps({"errors": [{"code": "DENIED", "message": f"no: {PASSWORD}", "detail": PAIR}]}),
            f"you sent Authorization: Basic {PAIR}",
            "x" * 490 + PASSWORD,
        ],
    )
    def test_never_repeat_the_password(self, body):
        async def ask(url: str) -> None:
            async with connect(url, credentials=("robot", PASSWORD)) as client:
                await client.get_manifest("team/app", "v1")

        with FakeRegistry(auth=BasicAuth("robot", PASSWORD)) as registry:
            registry.fault(Fault(path="/manifests/", status=403, body=body.encode(), times=None))
            with pytest.raises(RegistryError) as caught:
                run(ask(registry.url))

        assert caught.value.detail
        assert not any(secret in caught.value.detail for secret in (PASSWORD, PAIR, PASSWORD[:8]))
