"""Media types of manifests, and the few others that we tell apart."""

import re

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_SCHEMA_ONE = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA_ONE_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"

INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
SCHEMA_ONE = frozenset({DOCKER_SCHEMA_ONE, DOCKER_SCHEMA_ONE_SIGNED})
MANIFESTS = INDEXES | {OCI_MANIFEST, DOCKER_MANIFEST, OCI_ARTIFACT}

HELM_PREFIX = "application/vnd.cncf.helm."
_RESTRICTED_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_RESTRICTED_NAME}/{_RESTRICTED_NAME}", re.ASCII)

OCTET_STREAM = "application/octet-stream"

# Without it registries answer with schema 1, or with 404 for everything that came after.
ACCEPT_MANIFESTS = ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT))


def is_media_type(text: str) -> bool:
    """
    Tell whether the text may stand in a Content-Type header.

    Source: RFC 6838, 4.2.
    """
    return _MEDIA_TYPE.fullmatch(text) is not None


def without_parameters(content_type: str) -> str:
    """Return the media type of a Content-Type header: lower case, nothing after the semicolon."""
    return content_type.partition(";")[0].strip().lower()


def is_foreign(media_type: str) -> bool:
    """Tell whether layers of this type are meant to be fetched from elsewhere and not redistributed."""
    return ".foreign." in media_type or ".nondistributable." in media_type
