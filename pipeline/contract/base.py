"""What every part of the contract has in common."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


def refuse_truth(value: Any) -> Any:
    """Return the value, unless it is true or false: Python counts them as 1 and 0, a contract does not."""
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers (YAML reads a bare yes, no, on or off as one of them)")
    return value


Number = Annotated[float, BeforeValidator(refuse_truth)]
Share = Number


def check_order(minimum: float | None, maximum: float | None) -> None:
    """Raise ValueError when a minimum is above its maximum."""
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ValueError(f"minimum {minimum:.15g} is above maximum {maximum:.15g}")


class Section(BaseModel):
    """Immutable, and closed: a key that no section knows is a typing error and is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)
