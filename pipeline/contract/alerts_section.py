"""From where on somebody is told. Which way they are told is a setting: `MLOPS_ALERTS`."""

from typing import Literal

from pydantic import Field

from pipeline.contract.base import Section


class Alerts(Section):
    """Which conditions become alerts."""

    least: Literal["watch", "act"] = "act"  # the least grave verdict that somebody is told of
    unjudged_windows: int = Field(default=3, ge=1)  # runs in a row without enough data, after which it is an alert
