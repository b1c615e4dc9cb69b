import threading

import httpx
import pytest

from tests.fakes import images
from tests.fakes.content import digest_of
from tests.fakes.faults import Fault, Gate
from tests.fakes.server import FaultyServer

DATA = b"0123456789"
DIGEST = digest_of(DATA)
BLOB = f"/v2/team/app/blobs/{DIGEST}"


@pytest.fixture(autouse=True)
def blob(registry):
    registry.put_blob("team/app", DATA)


def read_into(received: bytearray, response: httpx.Response) -> None:
    for chunk in response.iter_raw():
        received += chunk


class TestFault:
    def test_answers_instead_of_the_registry(self, registry, http):
        registry.fault(Fault(path="/blobs/", status=429, headers={"Retry-After": "7"}, body=b"slow"))
        response = http.get(BLOB)
        assert (response.status_code, response.text) == (429, "slow")
        assert response.headers["Retry-After"] == "7"

    def test_hits_only_what_it_is_meant_for(self, registry, http):
        registry.fault(Fault(method="GET", path="/manifests/", status=500))
        registry.fault(Fault(method="PUT", path="/blobs/", status=500))
        registry.fault(Fault(path="/blobs/", query="n=1", status=500))
        assert http.get(BLOB).status_code == 200

    def test_happens_as_often_and_as_late_as_asked(self, registry, http):
        registry.fault(Fault(status=503, after=1, times=2))
        assert [http.get(BLOB).status_code for _ in range(4)] == [200, 503, 503, 200]

    def test_goes_on_until_cleared(self, registry, http):
        registry.fault(Fault(status=503, times=None))
        assert [http.get(BLOB).status_code for _ in range(3)] == [503, 503, 503]
        registry.faults.clear()
        assert http.get(BLOB).status_code == 200

    def test_cuts_the_response_behind_some_bytes(self, registry, http):
        registry.fault(Fault(path="/blobs/", cut_response_after=4))
        received = bytearray()
        with http.stream("GET", BLOB) as response:
            assert response.headers["Content-Length"] == "10"
            with pytest.raises(httpx.RemoteProtocolError):
                read_into(received, response)
        assert received == DATA[:4]

    def test_cuts_the_request_behind_some_bytes_and_keeps_them(self, registry, http):
        location = http.post("/v2/team/app/blobs/uploads/").headers["Location"]
        registry.fault(Fault(method="PATCH", cut_request_after=4))
        with pytest.raises(httpx.TransportError):
            http.patch(location, content=DATA)
        assert http.get(location).headers["Range"] == "0-3"

    def test_cuts_at_once(self, registry, http):
        registry.fault(Fault(cut_request_after=0))
        with pytest.raises(httpx.TransportError):
            http.get(BLOB)

    def test_loses_the_answer_of_what_was_done(self, registry, http):
        root = images.no_layers().root
        images.push(images.no_layers(), registry, "team/app")
        registry.fault(Fault(method="PUT", lose_answer=True))
        with pytest.raises(httpx.TransportError):
            http.put(
                "/v2/team/app/manifests/v1", content=root.content, headers={"Content-Type": root.media_type}
            )
        assert registry.tags("team/app") == {"v1": root.digest}

    def test_stalls_behind_some_bytes(self, registry):
        registry.fault(Fault(path="/blobs/", stall_after=4))
        received = bytearray()
        with (
            httpx.stream("GET", registry.url + BLOB, timeout=0.2) as response,
            pytest.raises(httpx.ReadTimeout),
        ):
            read_into(received, response)
        assert received == DATA[:4]

    def test_sends_wrong_bytes_of_the_right_length(self, registry, http):
        registry.fault(Fault(path="/blobs/", wrong_bytes=True))
        content = http.get(BLOB).content
        assert len(content) == 10
        assert content[1:] == DATA[1:]
        assert content[:1] != DATA[:1]

    def test_sends_a_shorter_body(self, registry, http):
        registry.fault(Fault(path="/blobs/", truncate_to=3))
        response = http.get(BLOB)
        assert (response.headers["Content-Length"], response.content) == ("3", DATA[:3])

    def test_drops_and_replaces_headers(self, registry, http):
        registry.fault(
            Fault(drop_headers=("Docker-Content-Digest",), replace_headers={"Warning": "299 - old"})
        )
        response = http.get(BLOB)
        assert response.content == DATA
        assert "Docker-Content-Digest" not in response.headers
        assert response.headers["Warning"] == "299 - old"

    def test_redirects(self, registry, http):
        registry.fault(Fault(redirect_to="http://127.0.0.1:1{path}"))
        response = http.get(BLOB)
        assert response.status_code == 307
        assert response.headers["Location"] == f"http://127.0.0.1:1{BLOB}"

    def test_loses_the_upload_session(self, registry, http):
        location = http.post("/v2/team/app/blobs/uploads/").headers["Location"]
        registry.fault(Fault(method="PUT", lose_upload=True))
        response = http.put(f"{location}&digest={DIGEST}", content=DATA)
        assert response.json()["errors"][0]["code"] == "BLOB_UPLOAD_UNKNOWN"

    def test_holds_requests_at_a_gate(self, registry, http):
        gate = Gate()
        registry.fault(Fault(path="/blobs/", gate=gate))
        statuses = []
        thread = threading.Thread(target=lambda: statuses.append(http.get(BLOB).status_code))
        thread.start()
        gate.wait_until_reached()
        assert statuses == []
        gate.open()
        thread.join(timeout=10)
        assert statuses == [200]


class TestFaultyServer:
    def test_logs_what_it_was_asked(self, registry, http):
        http.put(f"/v2/team/app/blobs/uploads/x?digest={DIGEST}", content=DATA, auth=("user", "password"))
        (logged,) = registry.requests
        assert (logged.method, logged.path, logged.status) == ("PUT", "/v2/team/app/blobs/uploads/x", 404)
        assert logged.query["digest"] == DIGEST
        assert logged.has_authorization

    def test_logs_how_many_bytes_moved(self, registry, http):
        location = http.post("/v2/team/app/blobs/uploads/").headers["Location"]
        http.patch(location, content=DATA)
        http.get(BLOB)
        assert [(r.request_bytes, r.response_bytes) for r in registry.requests] == [(0, 0), (10, 0), (0, 10)]

    def test_counts_by_method_and_path(self, registry, http):
        http.get(BLOB)
        http.head(BLOB)
        assert registry.count() == 2
        assert registry.count("GET") == 1
        assert registry.count(path_regex="^/v2/team/.*/blobs/") == 2
        registry.clear_log()
        assert registry.count() == 0

    def test_comes_back_on_the_same_port_with_its_content(self, registry):
        registry.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.get(registry.url + BLOB)
        registry.start()
        assert httpx.get(registry.url + BLOB).content == DATA

    def test_fails_the_test_in_which_its_handler_crashed(self):
        async def crash(call):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), FaultyServer(crash) as server:
            assert httpx.get(server.url).status_code == 500

    def test_knows_how_many_requests_were_in_flight_at_once(self, registry, http):
        gate = Gate()
        registry.fault(Fault(path="/blobs/", gate=gate, times=None))
        threads = [threading.Thread(target=httpx.get, args=(registry.url + BLOB,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        gate.wait_until_reached(3)
        gate.open()
        for thread in threads:
            thread.join(timeout=10)
        assert registry.peak_concurrency == 3
