"""What must be known to talk to a registry: where it is and who we are there."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    A registry, or the part of one under a path prefix.

    `url` is "https://host[:port]" without a path. `prefix` ("" or "a/b") is put before every
    repository name and taken off every listed one. `username` None means anonymous. `is_private` says that
    who reads about errors may not learn from them where it is.
    """

    url: str
    prefix: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    verify_tls: bool = True
    ca_pem: str | None = field(default=None, repr=False)
    is_private: bool = False

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            is_server = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_server = False
        if not is_server or "@" in parts.netloc:
            raise ValueError(f"not the URL of a registry: {self.url!r}")
        if parts.path or parts.query or parts.fragment:
            raise ValueError(f"the URL of a registry has no path: {self.url!r}")
        if self.prefix.strip("/") != self.prefix:
            raise ValueError(f"a prefix neither begins nor ends with a slash: {self.prefix!r}")

    @property
    def key(self) -> str:
        """Return what identifies the registry to limiters: every prefix and user of it shares one."""
        return self.url

    @property
    def host(self) -> str:
        """Return the host without the port, in lower case."""
        return urlsplit(self.url).hostname or ""

    def full_name(self, repository: str) -> str:
        """Return the name of the repository as the registry knows it."""
        return f"{self.prefix}/{repository}" if self.prefix else repository

    def own_name(self, full_name: str) -> str | None:
        """Return the name without the prefix, or None if the repository lies outside the prefix."""
        if not self.prefix:
            return full_name
        head = self.prefix + "/"
        return full_name[len(head) :] if full_name.startswith(head) else None
