"""What of a request may be kept: columns that the contract marks `log: false` are not."""

import hashlib
import json
from typing import Any

from pipeline.contract import Contract


class Loggable:
    """Takes out of an answer what may not be logged. Costs nothing where the contract marks no column.

    Attributes:
        hidden: the features that are never stored.
    """

    def __init__(self, contract: Contract) -> None:
        self.hidden = frozenset(name for name, column in contract.features.items() if not column.log)
        self._beginnings = tuple(f"{name}: " for name in self.hidden)

    def features(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the record as the log may hold it; the same object where nothing is hidden."""
        if not self.hidden:
            return record
        return {name: value for name, value in record.items() if name not in self.hidden}

    def warnings(self, warnings: list[str]) -> list[str]:
        """Return those warnings that tell nothing hidden: a warning begins with its column's name, and quotes it."""
        if not self.hidden:
            return warnings
        return [warning for warning in warnings if not warning.startswith(self._beginnings)]

    def digest(self, record: dict[str, Any], key: str) -> str | None:
        """Return what tells the hidden values of records apart that are sent with the same key.

        It is keyed by the client's Idempotency-Key, which the log does not hold: who has the log alone cannot try out
        values, as far as the key cannot be guessed (BLAKE2, RFC 7693). None where nothing is hidden: the logged
        features tell records apart.
        """
        if not self.hidden:
            return None
        hidden = {name: record[name] for name in sorted(self.hidden) if name in record}
        secret = hashlib.blake2b(key.encode("utf-8", "surrogatepass")).digest()
        return hashlib.blake2b(json.dumps(hidden).encode(), key=secret, digest_size=16).hexdigest()
