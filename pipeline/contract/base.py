"""What every part of the contract has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Immutable, and closed: a key that no section knows is a typing error and is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
