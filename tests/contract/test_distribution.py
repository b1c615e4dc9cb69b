"""
Asks the fake and Debian's docker-registry the same, request by request, and compares what they say.

`FakeRegistry.like_distribution` is what it claims to be as long as this passes.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fakes import images
from tests.fakes.content import digest_of
from tests.fakes.registry import FakeRegistry
from tests.servers.docker_registry import DockerRegistry, is_installed

pytestmark = [
    pytest.mark.real_registry,
    pytest.mark.skipif(not is_installed(), reason="needs docker-registry"),
]

DATA = b"0123456789"
DIGEST = digest_of(DATA)
ABSENT = digest_of(b"absent")
UPLOADS = "/v2/team/app/blobs/uploads/"
IMAGE = images.image()
COMPARED_HEADERS = (
    "Accept-Ranges",
    "Content-Range",
    "Content-Type",
    "Docker-Content-Digest",
    "Etag",
    "Link",
    "OCI-Filters-Applied",
    "OCI-Subject",
    "Range",
    "WWW-Authenticate",
)

Conversation = Callable[[httpx.Client], Iterator[httpx.Response]]


def push_image(http: httpx.Client, artifact: images.Artifact = IMAGE, tag: str = "v1") -> None:
    images.push(artifact, str(http.base_url), "team/app", tag)


def put_manifest(http: httpx.Client, reference: str, content: bytes, media_type: str) -> httpx.Response:
    return http.put(
        f"/v2/team/app/manifests/{reference}", content=content, headers={"Content-Type": media_type}
    )


def put_root(http: httpx.Client, reference: str, artifact: images.Artifact) -> httpx.Response:
    return put_manifest(http, reference, artifact.root.content, artifact.root.media_type)


def finish(http: httpx.Client, started: httpx.Response, digest: str, content: bytes = b"") -> httpx.Response:
    return http.put(f"{started.headers['Location']}&digest={digest}", content=content)


def ping(http):
    yield http.get("/v2/")


def paths_of_nothing(http):
    yield http.get("/v2/team/app/nonsense")
    yield http.get("/v2/team/app/blobs/not-a-digest")
    yield http.get("/v2/UPPER/tags/list")


def wrong_methods(http):
    yield http.put("/v2/team/app/tags/list")
    yield http.patch("/v2/team/app/manifests/v1")


def catalogue(http):
    yield http.get("/v2/_catalog")
    for name in ("team/b", "team/a", "c"):
        images.push(IMAGE, str(http.base_url), name, "v1")
    yield http.get("/v2/_catalog")
    yield http.get("/v2/_catalog?n=2")
    yield http.get("/v2/_catalog?n=2&last=team/a")
    yield http.get("/v2/_catalog?n=3")
    yield http.get("/v2/_catalog?n=x")


def tags(http):
    yield http.get("/v2/team/app/tags/list")
    push_image(http)
    yield http.get("/v2/team/app/tags/list")
    yield http.get("/v2/team/app/tags/list?n=1&last=v1")


def tags_of_a_repository_with_only_blobs(http):
    finish(http, http.post(UPLOADS), DIGEST, DATA)
    yield http.get("/v2/team/app/tags/list")


def manifests(http):
    yield http.get("/v2/team/app/manifests/v1")
    push_image(http)
    accept = {"Accept": f"{IMAGE.root.media_type};q=0.5, application/json"}
    for reference in ("v1", IMAGE.digest, "none", ABSENT):
        for method in ("GET", "HEAD"):
            yield http.request(method, f"/v2/team/app/manifests/{reference}", headers=accept)
            yield http.request(method, f"/v2/team/app/manifests/{reference}")


def manifests_of_all_kinds(http):
    kinds = [
        images.multi_platform(),
        images.multi_platform(docker=True),
        images.nested_index(),
        images.list_without_platforms(),
        images.no_layers(),
        images.zero_byte_blob(),
        images.unknown_fields(),
        images.foreign_layers(),
        images.helm_chart(),
        images.artifact(),
    ]
    for artifact in kinds:
        push_image(http, artifact)
        accept = {"Accept": artifact.root.media_type}
        yield put_root(http, "again", artifact)
        yield http.get("/v2/team/app/manifests/v1", headers=accept)


def manifests_that_are_incomplete(http):
    yield put_root(http, "v1", IMAGE)
    yield put_root(http, "v1", images.multi_platform())
    yield http.get("/v2/team/app/tags/list")


def manifests_that_are_wrong(http):
    push_image(http)
    yield put_root(http, images.image("other").digest, IMAGE)
    yield put_manifest(http, "v1", b"not json", IMAGE.root.media_type)
    yield put_manifest(http, "v1", IMAGE.root.content, "application/vnd.oci.image.index.v1+json")
    yield put_root(http, "v1", images.schema1())


def manifests_with_a_subject(http):
    push_image(http)
    report = images.artifact(subject=IMAGE)
    images.push(report, str(http.base_url), "team/app")
    yield put_root(http, report.digest, report)
    yield http.get(f"/v2/team/app/referrers/{IMAGE.digest}")


def blobs(http):
    finish(http, http.post(UPLOADS), DIGEST, DATA)
    yield http.head(f"/v2/team/app/blobs/{DIGEST}")
    yield http.get(f"/v2/team/app/blobs/{DIGEST}")
    for asked in ("bytes=0-3", "bytes=4-", "bytes=8-100", "bytes=-2"):
        yield http.get(f"/v2/team/app/blobs/{DIGEST}", headers={"Range": asked})
    behind_the_end = http.build_request("GET", f"/v2/team/app/blobs/{DIGEST}", headers={"Range": "bytes=10-"})
    yield http.send(behind_the_end, stream=True)
    yield http.get(f"/v2/team/app/blobs/{ABSENT}")
    yield http.head(f"/v2/team/other/blobs/{DIGEST}")


def zero_byte_blob(http):
    empty = digest_of(b"")
    yield finish(http, http.post(UPLOADS), empty)
    yield http.head(f"/v2/team/app/blobs/{empty}")
    yield http.get(f"/v2/team/app/blobs/{empty}")


def uploads_in_one_request(http):
    started = http.post(UPLOADS)
    yield started
    yield http.get(started.headers["Location"])
    yield finish(http, started, DIGEST, DATA)
    yield http.get(started.headers["Location"])
    yield http.post(f"{UPLOADS}?digest={DIGEST}", content=DATA)


def uploads_in_chunks(http):
    started = http.post(UPLOADS)
    first = http.patch(started.headers["Location"], content=DATA[:4], headers={"Content-Range": "0-3"})
    yield first
    yield http.get(first.headers["Location"])
    second = http.patch(first.headers["Location"], content=DATA[4:], headers={"Content-Range": "4-9"})
    yield second
    yield finish(http, second, DIGEST)


def uploads_with_a_gap(http):
    started = http.post(UPLOADS)
    yield http.patch(started.headers["Location"], content=DATA[6:], headers={"Content-Range": "6-9"})


def uploads_that_are_wrong(http):
    yield finish(http, http.post(UPLOADS), DIGEST, b"other")
    started = http.post(UPLOADS)
    yield http.put(started.headers["Location"], content=DATA)
    yield http.put(started.headers["Location"].partition("?")[0] + f"?digest={DIGEST}", content=DATA)
    yield http.get(f"{UPLOADS}00000000-0000-0000-0000-000000000000")


def uploads_that_are_cancelled(http):
    started = http.post(UPLOADS)
    yield http.delete(started.headers["Location"])
    yield finish(http, started, DIGEST, DATA)


def uploads_of_sha512(http):
    digest = digest_of(DATA, "sha512")
    yield finish(http, http.post(f"{UPLOADS}?digest-algorithm=sha512"), digest, DATA)
    yield http.head(f"/v2/team/app/blobs/{digest}")
    yield http.get(f"/v2/team/app/blobs/{digest}")
    yield http.head(f"/v2/team/app/blobs/{DIGEST}")
    made = images.image("sha512", algorithm="sha512")
    yield put_root(http, made.digest, made)
    yield put_root(http, "v1", made)
    for blob, content in made.blobs.items():
        yield finish(http, http.post(UPLOADS), blob, content)
    yield put_root(http, "v1", made)
    yield http.get("/v2/team/app/manifests/v1", headers={"Accept": made.root.media_type})


def mounts(http):
    yield http.post(f"{UPLOADS}?mount={DIGEST}&from=team/base")
    started = http.post("/v2/team/base/blobs/uploads/")
    finish(http, started, DIGEST, DATA)
    yield http.post(f"{UPLOADS}?mount={DIGEST}&from=team/base")
    yield http.head(f"/v2/team/app/blobs/{DIGEST}")
    yield http.post(f"{UPLOADS}?mount={ABSENT}&from=team/base")
    yield http.post(f"/v2/team/third/blobs/uploads/?mount={DIGEST}")


def deletes(http):
    push_image(http)
    push_image(http, tag="v2")
    blob = next(iter(IMAGE.blobs))
    yield http.delete("/v2/team/app/manifests/v1")
    yield http.delete(f"/v2/team/app/manifests/{ABSENT}")
    yield http.delete(f"/v2/team/app/manifests/{IMAGE.digest}")
    yield http.delete(f"/v2/team/app/manifests/{IMAGE.digest}")
    yield http.get("/v2/team/app/tags/list")
    yield http.delete(f"/v2/team/app/blobs/{blob}")
    yield http.delete(f"/v2/team/app/blobs/{blob}")
    yield http.head(f"/v2/team/app/blobs/{blob}")
    yield http.delete(f"/v2/team/none/manifests/{ABSENT}")


CONVERSATIONS: list[Conversation] = [
    ping,
    paths_of_nothing,
    wrong_methods,
    catalogue,
    tags,
    tags_of_a_repository_with_only_blobs,
    manifests,
    manifests_of_all_kinds,
    manifests_that_are_incomplete,
    manifests_that_are_wrong,
    manifests_with_a_subject,
    blobs,
    zero_byte_blob,
    uploads_in_one_request,
    uploads_in_chunks,
    uploads_with_a_gap,
    uploads_that_are_wrong,
    uploads_that_are_cancelled,
    uploads_of_sha512,
    mounts,
    deletes,
]


def observe(response: httpx.Response) -> dict[str, object]:
    """Return what a client could tell two registries apart by, without ids, ports and wording."""
    seen: dict[str, object] = {"status": response.status_code}
    for name in COMPARED_HEADERS:
        if name in response.headers:
            seen[name] = response.headers[name]
    if "Content-Type" in seen:
        seen["Content-Type"] = response.headers["Content-Type"].partition(";")[0]
    if "Location" in response.headers:
        parts = urlsplit(response.headers["Location"])
        seen["Location"] = (re.sub(r"/uploads/.*", "/uploads/ID", parts.path), bool(parts.query))
    if response.is_success:
        is_json = seen.get("Content-Type") == "application/json" and response.content
        seen["body"] = response.json() if is_json else response.content
    elif not response.is_closed:
        seen["body"] = "cut" if is_cut(response) else response.content
    elif response.request.method != "HEAD" and "json" in str(seen.get("Content-Type")):
        seen["codes"] = [error["code"] for error in response.json()["errors"]]
    return seen


def is_cut(response: httpx.Response) -> bool:
    try:
        response.read()
    except httpx.RemoteProtocolError:
        return True
    return False


def run(conversation: Conversation, url: str) -> list[tuple[str, dict[str, object]]]:
    with httpx.Client(base_url=url, trust_env=False, headers={"Accept": ""}, timeout=20) as http:
        return [(str(response.request.url.path), observe(response)) for response in conversation(http)]


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda each: each.__name__)
class TestLikeDistribution:
    def test_says_what_the_real_one_says(self, conversation):
        with DockerRegistry() as real, FakeRegistry.like_distribution() as fake:
            expected, said = run(conversation, real.url), run(conversation, fake.url)
        assert [seen for _, seen in said] == [seen for _, seen in expected]
