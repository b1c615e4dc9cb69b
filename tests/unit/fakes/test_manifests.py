import httpx
import pytest

from tests.fakes import images


def put(http: httpx.Client, repository: str, reference: str, file: images.ManifestFile) -> httpx.Response:
    return http.put(
        f"/v2/{repository}/manifests/{reference}",
        content=file.content,
        headers={"Content-Type": file.media_type},
    )


class TestWrite:
    def test_keeps_the_bytes(self, registry, http):
        images.push(images.unknown_fields(), registry.url, "team/app", "v1")
        response = http.get("/v2/team/app/manifests/v1")
        assert response.content == images.unknown_fields().root.content
        assert response.headers["Docker-Content-Digest"] == images.unknown_fields().digest
        assert response.headers["Content-Type"] == images.unknown_fields().root.media_type

    def test_refuses_a_manifest_whose_blobs_are_missing(self, registry, http):
        response = put(http, "team/app", "v1", images.image().root)
        assert response.status_code == 400
        assert response.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"
        assert registry.tags("team/app") == {}

    def test_refuses_an_index_whose_children_are_missing(self, registry, http):
        assert put(http, "team/app", "v1", images.multi_platform().root).status_code == 400

    def test_accepts_a_sparse_index_when_told_to(self, registry, http):
        registry.options.sparse = True
        images.push(images.sparse_index(), registry.url, "team/app", "v1")
        assert registry.tags("team/app") == {"v1": images.sparse_index().digest}

    def test_does_not_need_the_blobs_of_foreign_layers(self, registry, http):
        images.push(images.foreign_layers(), registry.url, "team/app", "v1")
        assert registry.tags("team/app") == {"v1": images.foreign_layers().digest}

    def test_refuses_bytes_that_do_not_match_the_digest(self, registry, http):
        wrong = images.image("other").digest
        response = put(http, "team/app", wrong, images.image().root)
        assert response.json()["errors"][0]["code"] == "DIGEST_INVALID"

    def test_refuses_a_content_type_that_contradicts_the_manifest(self, registry, http):
        root = images.image().root
        images.push(images.image(), registry, "team/app")
        response = http.put(
            "/v2/team/app/manifests/v1",
            content=root.content,
            headers={"Content-Type": "application/vnd.oci.image.index.v1+json"},
        )
        assert response.json()["errors"][0]["code"] == "MANIFEST_INVALID"

    def test_names_the_subject_it_understood(self, registry, http):
        subject = images.image()
        report = images.artifact(subject=subject)
        images.push(report, registry, "team/app")
        assert put(http, "team/app", report.digest, report.root).headers["OCI-Subject"] == subject.digest

    def test_refuses_what_is_too_large(self, registry, http):
        registry.options.max_manifest_bytes = 10
        assert put(http, "team/app", "v1", images.image().root).status_code == 413

    def test_refuses_to_move_an_immutable_tag(self, registry, http):
        registry.options.immutable_tags = True
        images.push(images.image("a"), registry.url, "team/app", "v1")
        images.push(images.image("b"), registry.url, "team/app")
        assert put(http, "team/app", "v1", images.image("a").root).status_code == 201
        assert put(http, "team/app", "v1", images.image("b").root).status_code == 412

    def test_sets_many_tags_at_once(self, registry, http):
        registry.options.accepts_tag_parameters = True
        made = images.image()
        images.push(made, registry, "team/app")
        response = put(http, "team/app", f"{made.digest}?tag=a&tag=b", made.root)
        assert response.headers["OCI-Tag"] == "a, b"
        assert registry.tags("team/app") == {"a": made.digest, "b": made.digest}


class TestRead:
    def test_answers_head_like_get_without_the_body(self, registry, http):
        images.push(images.image(), registry, "team/app", "v1")
        head, get = http.head("/v2/team/app/manifests/v1"), http.get("/v2/team/app/manifests/v1")
        assert head.content == b""
        for name in ("Content-Length", "Content-Type", "Docker-Content-Digest"):
            assert head.headers[name] == get.headers[name]

    def test_hides_the_digest_from_head_when_told_to(self, registry, http):
        registry.options.head_has_digest = False
        images.push(images.image(), registry, "team/app", "v1")
        assert "Docker-Content-Digest" not in http.head("/v2/team/app/manifests/v1").headers
        assert "Docker-Content-Digest" in http.get("/v2/team/app/manifests/v1").headers

    @pytest.mark.parametrize(
        ("accept", "status"),
        [
            ("*/*", 404),
            ("application/vnd.oci.image.index.v1+json", 404),
            ("application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json;q=1", 200),
        ],
    )
    def test_insists_on_the_right_accept_when_told_to(self, registry, http, accept, status):
        registry.options.requires_accept = True
        images.push(images.image(), registry, "team/app", "v1")
        assert http.get("/v2/team/app/manifests/v1", headers={"Accept": accept}).status_code == status

    def test_lies_about_the_digest_of_a_tag_when_told_to(self, registry, http):
        digest = images.push(images.image(), registry, "team/app", "v1")
        registry.options.wrong_tag_digest = "sha256:" + "0" * 64
        by_tag = http.get("/v2/team/app/manifests/v1")
        assert by_tag.headers["Docker-Content-Digest"] == "sha256:" + "0" * 64
        by_digest = http.get(f"/v2/team/app/manifests/{digest}")
        assert by_digest.headers["Docker-Content-Digest"] == digest


class TestDelete:
    def test_removes_a_tag_and_leaves_the_manifest(self, registry, http):
        digest = images.push(images.image(), registry, "team/app", "v1")
        assert http.delete("/v2/team/app/manifests/v1").status_code == 202
        assert registry.tags("team/app") == {}
        assert registry.manifests("team/app") == {digest}

    def test_removes_a_manifest_with_all_its_tags(self, registry, http):
        digest = images.push(images.image(), registry, "team/app", "v1")
        registry.put_tag("team/app", "v2", digest)
        assert http.delete(f"/v2/team/app/manifests/{digest}").status_code == 202
        assert registry.tags("team/app") == {}

    def test_says_when_there_is_nothing_to_remove(self, registry, http):
        images.push(images.image(), registry, "team/app")
        assert http.delete("/v2/team/app/manifests/v1").status_code == 404

    def test_is_refused_where_registries_do_not_delete(self, registry, http):
        registry.options.deletes = False
        assert http.delete("/v2/team/app/manifests/v1").status_code == 405
