"""How a fake registry behaves where registries differ; by default, modern and true to the spec."""

from dataclasses import dataclass
from enum import Enum


class LinkStyle(Enum):
    """Ways in which registries write the `Link` header of a page."""

    RELATIVE = "relative"
    """`</v2/…?last=x&n=2>; rel="next"`, as in the spec."""
    ABSOLUTE = "absolute"
    """The same with scheme, host and port."""
    WITHOUT_BRACKETS = "without brackets"
    """`http://…; rel=next`."""
    WRONG_PORT = "wrong port"
    """Absolute, with a port on which nothing listens."""
    LOOPING = "looping"
    """Every page points to the first one."""


@dataclass(slots=True)
class Options:
    """
    Behaviour of a `FakeRegistry`; may be changed while it runs.

    Statuses of None mean that the registry does what was asked.
    """

    page_size: int = 1000
    """Names in a page when the client asks for more, or does not say."""
    max_page_size: int | None = None
    """Answer 400 to a larger `n`, as distribution 3 does above 1000."""
    pages_tags: bool = True
    """False: all tags at once, whatever `n` and `last` say, as distribution 2 does."""
    sorts_tags: bool = True
    """False: in the order in which they were pushed first."""
    null_tags: bool = False
    """Say `"tags": null` for a repository that has none."""
    link_style: LinkStyle = LinkStyle.RELATIVE
    links_last_page: bool = False
    """Send a Link even though nothing follows."""
    catalog_status: int | None = None
    unknown_repository_status: int = 404
    """Status of the tag list of a repository that nobody pushed to; 200 lists no tags."""

    requires_accept: bool = False
    """Answer 404 to a manifest whose type is not in `Accept`."""
    head_status: int | None = None
    """Refuse to HEAD manifests with this status."""
    head_has_digest: bool = True
    wrong_tag_digest: str | None = None
    """Digest to lie about when a manifest is asked for by tag."""
    max_manifest_bytes: int = 4 * 1024 * 1024
    sparse: bool = False
    """Accept manifests whose blobs or children are missing."""
    accepts_schema1: bool = True
    """False: refuse schema 1, as registries do that cannot verify its signature."""
    immutable_tags: bool = False
    """Answer 412 when a tag that exists would move to another digest."""
    accepts_tag_parameters: bool = False
    """Understand `PUT /manifests/<digest>?tag=a&tag=b`, answered with `OCI-Tag`."""

    mount_status: int = 201
    """202: decline and open an upload session; anything above: refuse."""
    monolithic_post: bool = True
    """False: `POST ?digest=` only opens a session."""
    relative_locations: bool = False
    checks_content_range: bool = True
    """False: append whatever arrives, as distribution 2 does; the digest is wrong in the end."""
    min_chunk_bytes: int | None = None
    """Announce `OCI-Chunk-Min-Length`."""
    discard_uploads: bool = False
    """Hash and count uploaded blobs without keeping their bytes; they cannot be read again."""
    digest_algorithms: frozenset[str] = frozenset({"sha256", "sha512"})
    manifest_algorithms: frozenset[str] = frozenset({"sha256", "sha512"})
    is_sha256_canonical: bool = False
    """Know blobs of other algorithms by their sha256 too, and name that one, as distribution 2 does."""
    serves_ranges: bool = True
    breaks_wrong_ranges: bool = False
    """Cut the connection behind the headers of a 416, as distribution 2 does."""

    deletes: bool = True
    deletes_tags: bool = True
    """False: only by digest, with all its tags, as distribution 2 does."""
    referrers: bool = True
    """Serve the referrers API and answer `OCI-Subject`."""

    latency_seconds: float = 0
    """Wait before handling each request."""


def distribution_options() -> Options:
    """Return the quirks of distribution 2.8.2; the contract suite compares them with the real one."""
    return Options(
        pages_tags=False,
        sorts_tags=False,
        null_tags=True,
        requires_accept=True,
        accepts_schema1=False,
        monolithic_post=False,
        manifest_algorithms=frozenset({"sha256"}),
        is_sha256_canonical=True,
        breaks_wrong_ranges=True,
        checks_content_range=False,
        deletes_tags=False,
        referrers=False,
    )
