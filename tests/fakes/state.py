"""What the operations of a fake registry share: its store and its options."""

from dataclasses import dataclass, field

from tests.fakes.options import Options
from tests.fakes.store import Store


@dataclass(slots=True)
class State:
    """A registry as its operations see it; `blob_storage_url` sends readers of blobs elsewhere."""

    options: Options
    store: Store = field(default_factory=Store)
    blob_storage_url: str | None = None
