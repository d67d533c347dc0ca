"""When Python looks for rings of garbage: rarely, since a prediction leaves hardly any, and never among what stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects made until it looks. At 700, which is usual, an eighth of the time that a prediction takes went into looking.
_YOUNG = 20_000


@contextmanager
def seldom_sought() -> Iterator[None]:
    """Seek garbage once, leave alone whatever stands by then, and seek new garbage seldom while the service runs."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
