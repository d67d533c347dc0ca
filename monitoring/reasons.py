"""A reason of a verdict: one sentence for people, with the number and the limit behind it for programs."""

from typing import Literal

from pipeline.contract.base import Section

View = Literal["data quality", "input drift", "prediction drift", "live performance", "system health"]
Severity = Literal["note", "watch", "act"]
CHANGES_OF_THE_WORLD: tuple[View, ...] = ("input drift", "live performance")  # where they ask to act


class Reason(Section):
    """What was noticed, where, and how grave it is."""

    view: View
    severity: Severity  # a note alone leaves a model healthy
    subject: str  # the column, slice, field or route that it is about
    sentence: str  # plain words, with the number and its limit
    value: float | None = None
    limit: float | None = None
