import asyncio
import json

import pytest

from registries.oci.errors import Forbidden, HostRefused, Throttled, Unauthorized
from registries.oci.limits import EndpointLimiter
from tests.fakes import images
from tests.fakes.auth import BasicAuth, BearerAuth
from tests.fakes.faults import Fault, Gate
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import Source, collect, connect, describe, run

USER = ("user", "password")


def has_user(username, repository, action):
    return username is not None


@pytest.fixture
def auth():
    return BearerAuth(*USER)


@pytest.fixture
def registry(auth):
    with FakeRegistry(auth=auth) as registry:
        for name in ("a/one", "b/two"):
            images.push(images.image(), registry, name, "v1")
        yield registry


class TestBearer:
    def test_is_learned_from_the_first_refusal_and_remembered(self, registry, auth):
        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                for name in ("a/one", "a/one", "b/two"):
                    assert await client.find_manifest(name, "v1")

        run(scenario())
        assert [request.status for request in registry.requests] == [401, 200, 200, 200]
        assert [token.scopes for token in auth.issued] == [
            ("repository:a/one:pull",),
            ("repository:b/two:pull",),
        ]

    def test_asks_with_credentials_service_and_scope(self, registry, auth):
        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                await client.find_manifest("a/one", "v1")

        run(scenario())
        (asked,) = auth.server.requests
        assert asked.query["service"] == auth.service
        assert asked.query["scope"] == "repository:a/one:pull"
        assert asked.headers["Authorization"].startswith("Basic ")
        assert auth.issued[0].username == "user"

    def test_works_without_credentials_where_that_is_allowed(self):
        auth = BearerAuth(*USER, anonymous_pull=True)
        with FakeRegistry(auth=auth) as registry:
            images.push(images.image(), registry, "a/one", "v1")

            async def scenario():
                async with connect(registry.url) as client:
                    assert await client.find_manifest("a/one", "v1")

            run(scenario())
        assert not auth.server.requests[0].has_authorization

    def test_reads_access_token_and_does_without_times(self):
        auth = BearerAuth(*USER, token_field="access_token", has_expires_in=False, has_issued_at=False)
        with FakeRegistry(auth=auth) as registry:

            async def scenario():
                async with connect(registry.url, credentials=USER) as client:
                    await client.ping()
                    await client.ping()

            run(scenario())
        assert len(auth.issued) == 1

    def test_fetches_one_token_however_many_requests_want_it(self, registry, auth):
        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                await asyncio.gather(*(client.find_manifest("a/one", "v1") for _ in range(40)))

        run(scenario())
        assert len(auth.issued) == 1
        assert registry.count("HEAD") == 41

    def test_lets_one_request_learn_while_the_others_wait(self, registry):
        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                names = ["a/one", "b/two"] * 10
                await asyncio.gather(*(client.find_manifest(name, "v1") for name in names))

        run(scenario())
        assert [request.status for request in registry.requests].count(401) == 1

    def test_waits_no_longer_for_a_first_request_that_failed(self, registry):
        registry.fault(Fault(method="HEAD", cut_request_after=0, times=3))

        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                results = await asyncio.gather(
                    *(client.find_manifest("a/one", "v1") for _ in range(6)), return_exceptions=True
                )
                assert sum(not isinstance(result, Exception) for result in results) >= 5

        run(scenario())

    def test_renews_a_token_before_it_expires(self):
        auth = BearerAuth(*USER, ttl_seconds=1)
        with FakeRegistry(auth=auth) as registry:

            async def scenario():
                async with connect(registry.url, credentials=USER) as client:
                    await client.ping()
                    await asyncio.sleep(0.95)
                    await client.ping()

            run(scenario())
            assert [request.status for request in registry.requests] == [401, 200, 200]
        assert len(auth.issued) == 2

    def test_gets_a_fresh_token_when_an_old_one_is_refused(self, registry, auth):
        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                await client.find_manifest("a/one", "v1")
                auth.expire_tokens()
                assert await client.find_manifest("a/one", "v1")

        run(scenario())
        assert len(auth.issued) == 2

    def test_gets_a_fresh_token_when_an_old_one_is_refused_without_a_challenge(self, registry, auth):
        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                await client.find_manifest("a/one", "v1")
                registry.fault(Fault(status=401))
                assert await client.find_manifest("a/one", "v1")

        run(scenario())
        assert len(auth.issued) == 2

    def test_tries_once_more_when_a_fresh_token_is_refused(self, registry, auth):
        registry.fault(
            Fault(status=401, times=1, after=1, headers={"WWW-Authenticate": self.challenge(auth)})
        )

        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                assert await client.find_manifest("a/one", "v1")

        run(scenario())
        assert [request.status for request in registry.requests] == [401, 401, 200]

    def test_gives_up_when_fresh_tokens_keep_being_refused(self, registry, auth):
        registry.fault(Fault(status=401, times=None, headers={"WWW-Authenticate": self.challenge(auth)}))

        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                with pytest.raises(Unauthorized, match="fresh token"):
                    await client.find_manifest("a/one", "v1")

        run(scenario())
        assert registry.count("HEAD") == 3
        assert len(auth.issued) == 2

    def test_says_forbidden_when_the_token_lacks_a_right(self):
        def may_read(username, repository, action):
            return action == "pull"

        with FakeRegistry(auth=BearerAuth(*USER, policy=may_read)) as registry:

            async def scenario():
                async with connect(registry.url, credentials=USER) as client:
                    with pytest.raises(Forbidden, match="repository:a/one:pull,push"):
                        await client.start_upload("a/one")

            run(scenario())

    def test_takes_a_wider_scope_where_the_registry_wants_one(self):
        auth = BearerAuth(*USER, challenge_scope="repository:a/one:pull,push,delete")
        with FakeRegistry(auth=auth) as registry:
            images.push(images.image(), registry, "a/one", "v1")

            async def scenario():
                async with connect(registry.url, credentials=USER) as client:
                    await client.find_manifest("a/one", "v1")
                    await client.find_manifest("a/one", "v1")

            run(scenario())
        assert [token.scopes for token in auth.issued] == [("repository:a/one:pull,push,delete",)]

    def test_asks_for_the_right_to_push_at_once_on_a_target(self, registry, auth):
        async def scenario():
            async with connect(registry.url, credentials=USER, writes=True) as client:
                await client.find_manifest("a/one", "v1")
                assert await client.start_upload("a/one")

        run(scenario())
        assert [token.scopes for token in auth.issued] == [("repository:a/one:pull,push",)]
        assert [request.status for request in registry.requests] == [401, 200, 202]

    def test_asks_for_the_catalog_by_its_own_scope(self, registry, auth):
        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                assert await collect(client.list_repositories()) == ["a/one", "b/two"]

        run(scenario())
        assert auth.issued[0].scopes == ("registry:catalog:*",)

    @staticmethod
    def challenge(auth):
        return f'Bearer realm="{auth.server.url}/token",service="s",scope="repository:a/one:pull"'


class TestTokenServer:
    def test_refusing_the_credentials_is_unauthorized(self, registry):
        async def scenario():
            async with connect(registry.url, credentials=("user", "wrong")) as client:
                with pytest.raises(Unauthorized, match="incorrect"):
                    await client.find_manifest("a/one", "v1")

        run(scenario())

    @pytest.mark.parametrize("status", [400, 404, 405])
    def test_answering_anything_else_says_nothing_about_repositories(self, registry, auth, status):
        auth.server.fault(Fault(status=status, times=None))

        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                with pytest.raises(Unauthorized):
                    await collect(client.list_tags("a/one"))

        run(scenario())

    def test_is_asked_again_after_a_failure(self, registry, auth):
        auth.server.fault(Fault(status=502, times=2))

        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                assert await client.find_manifest("a/one", "v1")

        run(scenario())
        assert len(auth.server.requests) == 3

    def test_that_throttles_pauses_the_registry(self, registry, auth):
        auth.server.fault(Fault(status=429, headers={"Retry-After": "3600"}, times=None))
        limiter = EndpointLimiter()

        async def scenario():
            async with connect(registry.url, credentials=USER, limiter=limiter) as client:
                with pytest.raises(Throttled):
                    await client.find_manifest("a/one", "v1")

        run(scenario())
        assert limiter.snapshot().paused_until is not None
        assert len(auth.server.requests) == 1

    def test_may_not_answer_more_than_a_token(self, registry, auth):
        auth.server.fault(Fault(status=200, body=b'{"token": "' + b"a" * 70_000 + b'"}', times=None))

        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                with pytest.raises(Unauthorized, match="far more than a token"):
                    await client.find_manifest("a/one", "v1")

        run(scenario())

    def test_is_not_asked_where_the_guard_forbids(self, registry):
        realm = 'Bearer realm="http://169.254.169.254/token",service="s"'
        registry.fault(Fault(status=401, times=None, headers={"WWW-Authenticate": realm}))

        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                with pytest.raises(HostRefused):
                    await client.ping()

        run(scenario())

    @pytest.mark.parametrize(
        "realm", ["ftp://x/token", "/token", "https://u:p@x/token", "https://[::1/token"]
    )
    def test_must_have_an_address_that_can_be_asked(self, registry, realm):
        challenge = {"WWW-Authenticate": f'Bearer realm="{realm}"'}
        registry.fault(Fault(status=401, times=None, headers=challenge))

        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                with pytest.raises(HostRefused):
                    await client.ping()

        run(scenario())

    def test_gets_no_credentials_after_a_redirect_to_another_host(self, registry, auth):
        with FakeRegistry() as elsewhere:
            auth.server.fault(Fault(redirect_to=f"{elsewhere.url}/v2/", times=None))
            elsewhere.fault(Fault(status=200, body=json.dumps({"token": "x"}).encode(), times=None))

            async def scenario():
                async with connect(registry.url, credentials=USER) as client:
                    with pytest.raises(Unauthorized):
                        await client.ping()

            run(scenario())
            assert elsewhere.requests
            assert not any(request.has_authorization for request in elsewhere.requests)


class TestBasic:
    @pytest.fixture
    def registry(self):
        with FakeRegistry(auth=BasicAuth(*USER, realm="a, b")) as registry:
            images.push(images.image(), registry, "a/one", "v1")
            yield registry

    def test_is_sent_after_the_first_refusal(self, registry):
        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                await client.find_manifest("a/one", "v1")
                await client.find_manifest("a/one", "v1")

        run(scenario())
        assert [request.status for request in registry.requests] == [401, 200, 200]

    @pytest.mark.parametrize(
        "credentials",
        [
            ("用户", "pä:ss"),
            ("AWS", "eyJwYXlsb2FkIjoi" * 100),
            ("00000000-0000-0000-0000-000000000000", "eyJ.eyJ.sig"),
            ("oauth2accesstoken", "ya29.token"),
            ("_json_key", '{\n  "type": "service_account",\n  "private_key": "-----BEGIN"\n}\n'),
        ],
        ids=lambda credentials: credentials[0],
    )
    def test_keeps_every_character_of_the_credentials(self, credentials):
        with FakeRegistry(auth=BasicAuth(*credentials)) as registry:

            async def scenario():
                async with connect(registry.url, credentials=credentials) as client:
                    await client.ping()

            run(scenario())
        assert [request.status for request in registry.requests] == [401, 200]

    def test_refused_is_permanent_at_once(self, registry):
        async def scenario():
            async with connect(registry.url, credentials=("user", "wrong")) as client:
                with pytest.raises(Unauthorized, match="user name or password"):
                    await client.find_manifest("a/one", "v1")

        run(scenario())
        assert len(registry.requests) == 2

    def test_wanted_from_someone_without_credentials_says_so(self, registry):
        async def scenario():
            async with connect(registry.url) as client:
                with pytest.raises(Unauthorized, match="none are stored"):
                    await client.ping()

        run(scenario())

    def test_refused_without_a_known_scheme_says_so(self, registry):
        registry.fault(Fault(status=401, times=None, headers={"WWW-Authenticate": "Negotiate"}))

        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                with pytest.raises(Unauthorized, match="no way to authenticate"):
                    await client.ping()

        run(scenario())


class TestMount:
    DATA = b"shared layer"

    def mount(self, registry, target, source):
        digest = registry.put_blob(source, self.DATA)

        async def scenario():
            async with connect(registry.url, credentials=USER, writes=True) as client:
                upload = await client.start_upload(target, mount=digest, from_repository=source)
                if upload is not None:
                    await client.upload_blob(upload, describe(self.DATA), Source(self.DATA))
                return upload is None

        return run(scenario())

    def test_asks_for_both_repositories_and_names_the_right_to_push_first(self, registry, auth):
        assert self.mount(registry, "a/one", "b/two")
        assert auth.issued[-1].scopes == ("repository:a/one:pull,push", "repository:b/two:pull")

    def test_falls_back_to_an_upload_if_the_token_does_not_reach_the_source(self):
        def not_from_b(username, repository, action):
            return repository != "b/two"

        with FakeRegistry(auth=BearerAuth(*USER, policy=not_from_b)) as registry:
            assert not self.mount(registry, "a/one", "b/two")
            assert registry.blob("a/one", describe(self.DATA).digest) == self.DATA

    def test_is_not_tried_again_where_it_was_refused_for_lack_of_rights(self):
        def not_from_b(username, repository, action):
            return repository != "b/two"

        with FakeRegistry(auth=BearerAuth(*USER, policy=not_from_b)) as registry:
            digest = registry.put_blob("b/two", self.DATA)

            async def scenario():
                async with connect(registry.url, credentials=USER, writes=True) as client:
                    for _ in range(3):
                        await client.start_upload("a/one", mount=digest, from_repository="b/two")

            run(scenario())
            mounts = [request for request in registry.requests if "mount" in request.query]
            plain = [request for request in registry.requests if "mount" not in request.query]
        assert {request.status for request in mounts} == {401}
        assert len(mounts) <= 3
        assert [request.status for request in plain].count(202) == 3


class TestBreaker:
    def test_stops_asking_after_refusals_in_several_repositories(self, registry, auth):
        async def scenario():
            async with connect(registry.url, credentials=("user", "wrong")) as client:
                for number in range(20):
                    with pytest.raises(Unauthorized):
                        await client.find_manifest(f"a/repo{number}", "v1")

        run(scenario())
        assert len(auth.server.requests) == 5
        assert len(registry.requests) == 1

    def test_spares_other_credentials_of_the_same_endpoint(self, registry):
        limiter = EndpointLimiter()

        async def scenario():
            async with connect(registry.url, credentials=("user", "wrong"), limiter=limiter) as client:
                for number in range(10):
                    with pytest.raises(Unauthorized):
                        await client.find_manifest(f"a/repo{number}", "v1")
            async with connect(registry.url, credentials=USER, limiter=limiter) as client:
                assert await client.find_manifest("a/one", "v1")

        run(scenario())

    def test_is_shared_by_clients_with_the_same_credentials(self, registry, auth):
        limiter = EndpointLimiter()

        async def scenario():
            for number in range(10):
                async with connect(registry.url, credentials=("user", "wrong"), limiter=limiter) as client:
                    with pytest.raises(Unauthorized):
                        await client.find_manifest(f"a/repo{number}", "v1")

        run(scenario())
        assert len(auth.server.requests) == 5

    def test_lets_repositories_that_are_allowed_pass_between_forbidden_ones(self):
        def only_one(username, repository, action):
            return repository == "a/one"

        with FakeRegistry(auth=BasicAuth(*USER, policy=only_one)) as registry:
            images.push(images.image(), registry, "a/one", "v1")

            async def scenario():
                async with connect(registry.url, credentials=USER) as client:
                    for number in range(20):
                        with pytest.raises(Forbidden):
                            await client.find_manifest(f"b/repo{number}", "v1")
                    assert await client.find_manifest("a/one", "v1")

            run(scenario())


class TestCancellation:
    def test_of_one_waiter_leaves_the_token_to_the_others(self, registry, auth):
        gate = Gate()
        auth.server.fault(Fault(gate=gate))

        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                first = asyncio.create_task(client.find_manifest("a/one", "v1"))
                second = asyncio.create_task(client.find_manifest("a/one", "v1"))
                await asyncio.to_thread(gate.wait_until_reached)
                await asyncio.sleep(0.01)
                first.cancel()
                await asyncio.sleep(0)
                gate.open()
                assert await second

        run(scenario())
        assert len(auth.issued) == 1
