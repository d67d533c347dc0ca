"""How much of a source is fetched."""

from ingestion.errors import SourceError


class Counter:
    """Counts bytes as they come."""

    def __init__(self, name: str, limit: int, count: int = 0) -> None:
        self.name, self.limit, self.count = name, limit, count

    def add(self, size: int) -> None:
        """Count some more. Raises SourceError when they are too many."""
        self.count += size
        self.check(self.count)

    def check(self, size: int) -> None:
        """Raise SourceError when a source of this many bytes is too large."""
        if size > self.limit:
            raise SourceError(
                f"{self.name}: is larger than the {self.limit} bytes that may be fetched; "
                "take a smaller part of it, or raise MLOPS_SOURCE_MAX_BYTES"
            )
