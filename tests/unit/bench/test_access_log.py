from bench.access_log import parse

HEX = "59e8f9997f900e73694db3ec5aeb144b106d86848d5850704ffc5cc479e32581"
LOG = f"""
time="2026-11-21T06:03:52Z" level=warning msg="No HTTP secret provided"
127.0.0.1 - - [21/Nov/2026:06:03:52 +0000] "GET /v2/_catalog?n=1000 HTTP/1.1" 200 41 "" "regatta/0.1.0"
127.0.0.1 - - [21/Nov/2026:06:03:52 +0000] "GET /v2/bench/app0/tags/list?n=1000 HTTP/1.1" 200 41 "" "x"
127.0.0.1 - - [21/Nov/2026:06:03:52 +0000] "HEAD /v2/bench/app0/manifests/v1 HTTP/1.1" 200 704 "" "x"
127.0.0.1 - - [21/Nov/2026:06:03:52 +0000] "GET /v2/bench/app0/blobs/sha256:{HEX} HTTP/1.1" 200 1236 "" "x"
127.0.0.1 - - [21/Nov/2026:06:03:52 +0000] "GET /v2/bench/app0/blobs/sha256:{HEX} HTTP/1.1" 206 100 "" "x"
127.0.0.1 - - [21/Nov/2026:06:03:52 +0000] "HEAD /v2/bench/app0/blobs/sha256:{HEX} HTTP/1.1" 200 1236 "" "x"
127.0.0.1 - - [21/Nov/2026:06:03:52 +0000] "POST /v2/bench/app0/blobs/uploads/?mount=a&from=b HTTP/1.1" 201 0 "" "x"
127.0.0.1 - - [21/Nov/2026:06:03:52 +0000] "PUT /v2/bench/app0/blobs/uploads/1-2?_state=s HTTP/1.1" 201 0 "" "x"
127.0.0.1 - - [21/Nov/2026:06:03:52 +0000] "GET /v2/ HTTP/1.1" 200 2 "" "x"
"""


class TestParse:
    def test_counts_requests_by_what_they_ask_for(self) -> None:
        traffic = parse(LOG)

        assert traffic.requests == 9
        assert traffic.kinds == {
            "GET catalog 200": 1,
            "GET tags 200": 1,
            "HEAD manifest 200": 1,
            "GET blob 200": 1,
            "GET blob 206": 1,
            "HEAD blob 200": 1,
            "POST upload mount 201": 1,
            "PUT upload 201": 1,
            "GET other 200": 1,
        }

    def test_adds_up_the_bytes_of_blobs_that_were_read(self) -> None:
        assert parse(LOG).blob_bytes == 1336

    def test_finds_nothing_in_an_empty_log(self) -> None:
        assert parse("").requests == 0
