"""The starters of real servers do what other tests rely on."""

import httpx
import psycopg
import pytest

from tests.fakes import images
from tests.fakes.answers import Answer
from tests.fakes.content import digest_of
from tests.fakes.faults import Gate
from tests.fakes.registry import FakeRegistry
from tests.fakes.server import FaultyServer
from tests.servers.docker_registry import DockerRegistry, Listener, is_installed
from tests.servers.postgres import Postgres
from tests.servers.relay import Relay, RelayProcess


@pytest.mark.real_registry
@pytest.mark.skipif(not is_installed(), reason="needs docker-registry")
class TestDockerRegistry:
    def test_comes_back_with_its_content_after_it_was_killed(self):
        with DockerRegistry() as registry:
            images.push(images.image(), registry.url, "team/app", "v1")
            registry.kill()
            with pytest.raises(httpx.ConnectError):
                httpx.get(registry.url)
            registry.restart()
            assert httpx.get(f"{registry.url}/v2/team/app/tags/list").json()["tags"] == ["v1"]

    def test_lets_only_its_user_in(self):
        with DockerRegistry("htpasswd") as registry:
            assert httpx.get(f"{registry.url}/v2/", auth=registry.credentials).status_code == 200
            assert httpx.get(f"{registry.url}/v2/", auth=("regatta", "wrong")).status_code == 401

    def test_takes_the_tokens_of_its_token_server(self):
        with DockerRegistry("token") as registry:
            headers = registry.token_headers("repository:team/app:pull,push")
            images.push(images.image(), registry.url, "team/app", "v1", headers=headers)
            tags_url = f"{registry.url}/v2/team/app/tags/list"
            assert httpx.get(tags_url, headers=headers).json()["tags"] == ["v1"]
            assert httpx.get(tags_url).status_code == 401

    def test_remembers_what_it_was_asked(self):
        with DockerRegistry(has_access_log=True) as registry:
            httpx.get(f"{registry.url}/v2/_catalog?n=5")
            httpx.head(f"{registry.url}/v2/team/app/manifests/v1")
            assert registry.request_count() == 2
            assert registry.request_count("HEAD", "/manifests/") == 1
            assert registry.requests()[0].query == "n=5"
            registry.clear_log()
            httpx.get(f"{registry.url}/v2/")
            assert [str(request.path) for request in registry.requests()] == ["/v2/"]

    def test_notifies_its_listener_of_pushes(self):
        heard = []
        gate = Gate()

        async def listen(call):
            heard.append((call.headers["Authorization"], await call.body()))
            gate.arrive()
            return Answer(200)

        with FaultyServer(listen) as server:
            listener = Listener(f"{server.url}/hook", {"Authorization": "Bearer T"})
            with DockerRegistry(listeners=[listener]) as registry:
                images.push(images.no_layers(), registry.url, "team/app", "v1")
                gate.wait_until_reached()
        authorization, body = heard[0]
        assert authorization == "Bearer T"
        assert images.no_layers().digest.encode() in body


class TestPostgres:
    def test_gives_separate_empty_databases(self):
        with Postgres() as server:
            with psycopg.connect(server.url) as connection:
                connection.execute("CREATE TABLE boats (name text)")
            other = server.create_database("other")
            with psycopg.connect(other) as connection:
                assert connection.execute("SELECT to_regclass('boats')").fetchone() == (None,)


class TestRelay:
    @pytest.fixture(params=[Relay, RelayProcess])
    def relayed(self, request):
        with FakeRegistry() as registry, request.param(registry.port, delay_seconds=0.001) as relay:
            yield registry, relay.url

    def test_carries_bytes_in_order_both_ways(self, relayed):
        registry, url = relayed
        content = images.layer("relayed", 5_000_000)
        digest = digest_of(content)
        with httpx.Client(base_url=url, trust_env=False) as http:
            location = http.post("/v2/team/app/blobs/uploads/").headers["Location"]
            assert location.startswith(url)
            assert http.put(f"{location}&digest={digest}", content=content).status_code == 201
            assert http.get(f"/v2/team/app/blobs/{digest}").content == content
        assert registry.blob("team/app", digest) == content

    def test_refuses_connections_when_nothing_is_at_the_other_end(self):
        with FakeRegistry() as registry, Relay(registry.port) as relay:
            registry.stop()
            with pytest.raises(httpx.TransportError):
                httpx.get(relay.url, trust_env=False)

    def test_cuts_what_is_under_way(self):
        with FakeRegistry() as registry, Relay(registry.port, delay_seconds=0) as relay:
            digest = registry.put_synthetic_blob("team/app", 50_000_000, seed=1)
            blob_url = f"{relay.url}/v2/team/app/blobs/{digest}"
            with httpx.stream("GET", blob_url, trust_env=False) as response:
                chunks = response.iter_raw()
                assert next(chunks)
                relay.cut()
                with pytest.raises(httpx.TransportError):
                    list(chunks)
            assert httpx.get(f"{relay.url}/v2/", trust_env=False).status_code == 200
