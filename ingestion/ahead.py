"""Working ahead: the next item is made while the last one is used. Arrow's work runs beside Python's."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_END = object()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Give the items in order, each made in a thread of its own while the one before it is used.

    Raises:
        Exception: whatever making an item raises, in its place.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(max_workers=1) as thread:
        pending = thread.submit(next, iterator, _END)
        while (item := pending.result()) is not _END:
            pending = thread.submit(next, iterator, _END)
            yield item  # type: ignore[misc]  # the end aside, it is one of the items
