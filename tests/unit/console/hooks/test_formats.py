"""Bodies of distribution and of Harbor become notices; what is of no interest is left out, nonsense refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.hooks import formats
from registries import naming
from syncjobs.models import EventAction
from syncjobs.services.intake import Notice

DIGEST = "sha256:" + "a" * 64
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def parse(document: Any, prefix: str = "") -> list[Notice]:
    return formats.place(formats.parse(json.dumps(document).encode()), prefix)


def event(**changes: Any) -> dict[str, Any]:
    """An event of distribution as docker-registry 2.8 sends it (recorded); `target_…` changes its target."""
    target = {"mediaType": MANIFEST, "size": 502, "digest": DIGEST, "repository": "team/app", "tag": "v1"}
    for name in [name for name in changes if name.startswith("target_")]:
        target[name.removeprefix("target_")] = changes.pop(name)
    return {
        "id": "d8f33ed7-807b-4592-bae4-c07be38c3f43",
        "timestamp": "2026-11-21T06:18:44.485445101Z",
        "action": "push",
        "target": {name: value for name, value in target.items() if value is not None},
        "request": {"method": "PUT"},
        "actor": {},
        "source": {"instanceID": "39a50674-2ba5-4030-8e6d-9fbfdd3fd622"},
    } | changes


def harbor(kind: str = "PUSH_ARTIFACT", tag: str = "v1", **changes: Any) -> dict[str, Any]:
    """A webhook of Harbor in its default format."""
    return {
        "type": kind,
        "occur_at": 1_680_501_893,
        "operator": "admin",
        "event_data": {
            "resources": [
                {"digest": DIGEST, "tag": tag, "resource_url": f"harbor.example.org/team/app:{tag}"}
            ],
            "repository": {
                "date_created": 1_677_053_165,
                "name": "app",
                "namespace": "team",
                "repo_full_name": "team/app",
                "repo_type": "private",
            },
        },
    } | changes


def cloud_event(kind: str = "harbor.artifact.pushed") -> dict[str, Any]:
    """The same webhook in the format CloudEvents."""
    return {
        "specversion": "1.0",
        "requestid": "2eedfab8-61d3-4f3c-8ec3-8f82d1ec4c84",
        "id": "4b2f89a6-548d-4c12-9993-a1f5790b97d2",
        "source": "/projects/1/webhook/policies/3",
        "type": kind,
        "datacontenttype": "application/json",
        "time": "2023-04-03T06:04:53Z",
        "data": harbor()["event_data"],
        "operator": "admin",
    }


class TestDistribution:
    def test_reads_a_push(self):
        assert parse({"events": [event()]}) == [
            Notice("d8f33ed7-807b-4592-bae4-c07be38c3f43", EventAction.PUSH, "team/app", "v1", DIGEST)
        ]

    def test_reads_the_deletion_of_a_tag(self):
        deletion = event(action="delete", target_digest=None, target_mediaType=None)
        (notice,) = parse({"events": [deletion]})
        assert (notice.action, notice.tag, notice.digest) == (EventAction.DELETE, "v1", "")

    def test_reads_many_events(self):
        events = [event(id=f"e{n}", target_tag=f"v{n}") for n in range(500)]
        assert [notice.tag for notice in parse({"events": events})] == [f"v{n}" for n in range(500)]

    @pytest.mark.parametrize(
        "boring",
        [
            event(action="pull"),
            event(action="mount", target_fromRepository="team/base"),
            event(action="rename of the future", target=None),
            event(target_tag=None),
            event(action="delete", target_tag=None),
            event(target_mediaType="application/octet-stream", target_tag=None),
            event(target_tag=""),
            event(target_tag="no tag"),
            event(target_repository="Not/A/Repository"),
        ],
    )
    def test_leaves_out_what_is_of_no_interest(self, boring):
        assert parse({"events": [boring]}) == []

    def test_takes_no_events(self):
        assert parse({"events": []}) == []

    def test_shortens_an_id_that_is_too_long_and_keeps_it_different(self):
        events = [event(id="x" * 500 + str(n)) for n in range(2)]
        ids = {notice.event_id for notice in parse({"events": events})}
        assert len(ids) == 2
        assert max(map(len, ids)) <= 128

    def test_forgets_a_digest_that_is_none(self):
        (notice,) = parse({"events": [event(target_digest="x" * 1000)]})
        assert notice.digest == ""


class TestHarbor:
    @pytest.mark.parametrize(
        ("kind", "action"), [("PUSH_ARTIFACT", EventAction.PUSH), ("DELETE_ARTIFACT", EventAction.DELETE)]
    )
    def test_reads_the_default_format(self, kind, action):
        (notice,) = parse(harbor(kind))
        assert (notice.action, notice.repository, notice.tag, notice.digest) == (
            action,
            "team/app",
            "v1",
            DIGEST,
        )

    @pytest.mark.parametrize(
        ("kind", "action"),
        [("harbor.artifact.pushed", EventAction.PUSH), ("harbor.artifact.deleted", EventAction.DELETE)],
    )
    def test_reads_cloud_events(self, kind, action):
        (notice,) = parse(cloud_event(kind))
        assert (notice.event_id, notice.action, notice.repository, notice.tag) == (
            "4b2f89a6-548d-4c12-9993-a1f5790b97d2/0",
            action,
            "team/app",
            "v1",
        )

    def test_leaves_out_a_push_without_a_tag_which_names_the_digest_instead(self):
        assert parse(harbor(tag=DIGEST)) == []

    @pytest.mark.parametrize("kind", ["PULL_ARTIFACT", "SCANNING_COMPLETED", "REPLICATION", "OF_THE_FUTURE"])
    def test_leaves_out_other_types_whatever_they_hold(self, kind):
        assert parse({"type": kind, "event_data": None}) == []

    def test_makes_an_id_of_what_was_said_so_that_a_repetition_is_known(self):
        first, again = parse(harbor()), parse(harbor())
        others = [harbor(occur_at=1), harbor("DELETE_ARTIFACT"), harbor(tag="v2")]
        assert first == again
        assert (
            len({notice.event_id for document in others for notice in parse(document)} | {first[0].event_id})
            == 4
        )

    def test_reads_every_resource(self):
        document = harbor()
        document["event_data"]["resources"] *= 2
        document["event_data"]["resources"][1] = {"tag": "v2", "digest": DIGEST}
        assert [notice.tag for notice in parse(document)] == ["v1", "v2"]


class TestPrefix:
    def test_is_taken_off(self):
        assert [n.repository for n in parse({"events": [event()]}, prefix="team")] == ["app"]
        deep = event(target_repository="hosted/one/team/app")
        assert [n.repository for n in parse({"events": [deep]}, prefix="hosted/one")] == ["team/app"]

    @pytest.mark.parametrize("repository", ["hosted/two/app", "hosted/oneapp/x", "hosted/one", "app"])
    def test_leaves_out_what_lies_elsewhere(self, repository):
        assert parse({"events": [event(target_repository=repository)]}, prefix="hosted/one") == []


class TestMalformed:
    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            (b"", "no JSON"),
            (b"{", "no JSON"),
            (b"\xff\xfe", "no JSON"),
            (b"[" * 100_000, "no JSON"),
            (b"[]", "The body is not an object."),
            (b"{}", "The body has no “type”."),
            (b'{"type": 7}', "type is not a text."),
            (b'{"events": {}}', "events is not a list."),
            (b'{"events": [7]}', "events[0] is not an object."),
            (b'{"events": [{"action": "push", "id": "1"}]}', "events[0] has no “target”."),
            (b'{"events": [{"action": "push", "id": 1, "target": {}}]}', "events[0].id is not a text."),
            (
                b'{"events": [{"action": "push", "id": "1", "target": {"repository": ["a"]}}]}',
                "events[0].target.repository is not a text.",
            ),
            (b'{"type": "PUSH_ARTIFACT"}', "The body has no “event_data”."),
            (
                b'{"type": "PUSH_ARTIFACT", "event_data": {"repository": {}}}',
                "event_data.repository has no “repo_full_name”.",
            ),
        ],
    )
    def test_is_refused_with_a_sentence_that_names_the_place(self, body, sentence):
        with pytest.raises(formats.MalformedError) as caught:
            formats.parse(body)
        assert sentence in str(caught.value)
        assert str(caught.value).endswith(".")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.one_of(
    JSON,
    st.sampled_from(["push", "delete", "team/app", "v1", "PUSH_ARTIFACT", DIGEST]),
    st.from_regex(r"[a-z/]+"),
)
TARGETS = st.fixed_dictionaries({"repository": NAMES}, optional={"tag": NAMES, "digest": NAMES})
ENVELOPES = st.fixed_dictionaries(
    {
        "events": st.lists(
            st.fixed_dictionaries({"id": NAMES, "action": NAMES, "target": TARGETS | JSON}) | JSON
        )
    }
)


@given(document=JSON | ENVELOPES, prefix=st.sampled_from(["", "team"]))
def test_whatever_comes_is_refused_or_fits_the_database(document, prefix):
    try:
        notices = parse(document, prefix)
    except formats.MalformedError:
        return
    for notice in notices:
        assert naming.REPOSITORY_PATH.allows(notice.repository)
        assert naming.TAG.allows(notice.tag)
        assert 0 < len(notice.event_id) <= 128
        assert len(notice.digest) <= 160
        assert "\0" not in notice.event_id + notice.digest
