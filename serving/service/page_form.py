"""The form of a contract: one labelled input for each field, filled with the contract's example."""

from html import escape
from typing import Any

from pipeline.contract import CategoryColumn, Column, Contract, IntegerColumn, NumberColumn
from pipeline.contract.contract import example_value


def form(contract: Contract) -> str:
    """Return the form as HTML. Names and words of the contract are escaped; the script reads them from `data-field`."""
    fields = "\n".join(_field(f"f{place}", *named) for place, named in enumerate(contract.features.items()))
    # What is allowed is the service's to say, beside the field: the browser's own bubbles are off.
    return (
        f'<form id="form" method="post" autocomplete="off" novalidate>\n<div class="fields">\n{fields}\n</div>\n'
        '<p class="actions"><button type="submit">Predict</button> <button type="reset">Back to the example</button>'
        "</p>\n</form>"
    )


def _field(place: str, name: str, column: Column) -> str:
    unit = f'<span class="unit">{escape(column.unit)}</span>' if column.unit else ""
    optional = "" if column.required else "May be left empty"
    note = ". ".join(part.rstrip(".") for part in (column.description, _limits(column), optional) if part)
    label = escape(name).replace("_", "_<wbr>")  # where a long name may be broken
    attributes = {"id": place, "data-field": name, "aria-describedby": f"{place}-note {place}-error"}
    if column.required:
        attributes["required"] = "required"
    return (
        f'<div class="field"><label for="{place}">{label}{unit}</label>'
        f"{_input(column, attributes)}"
        f'<small id="{place}-note">{escape(note)}</small><p class="error" id="{place}-error" role="alert"></p></div>'
    )


def _input(column: Column, attributes: dict[str, str]) -> str:
    example = example_value(column)
    if isinstance(column, NumberColumn | IntegerColumn):
        return _number(column, example, attributes)
    if not isinstance(column, CategoryColumn):
        choices = [("true", "yes"), ("false", "no")]
        return _select(choices, "true" if example else "false", column.required, {"data-kind": "truth", **attributes})
    words = [(word, word) for word in column.categories]
    if not column.open:
        return _select(words, example, column.required, {"data-kind": "word", **attributes})
    listed = f"{attributes['id']}-words"
    tag = _tag("input", {"type": "text", "list": listed, "value": example, "data-kind": "word", **attributes})
    return f'{tag}<datalist id="{listed}">{"".join(_tag("option", {"value": word}) for word, _ in words)}</datalist>'


def _number(column: NumberColumn | IntegerColumn, example: Any, attributes: dict[str, str]) -> str:
    whole = isinstance(column, IntegerColumn)
    limits = {"min": column.minimum, "max": column.maximum, "value": example}
    texts = {key: f"{value:.15g}" for key, value in limits.items() if value is not None}
    kind = {"type": "number", "inputmode": "numeric" if whole else "decimal", "step": "1" if whole else "any"}
    return _tag("input", {**kind, **texts, "data-kind": "number", **attributes})


def _select(choices: list[tuple[str, str]], chosen: str, required: bool, attributes: dict[str, str]) -> str:
    offered = choices if required else [("", "(empty)"), *choices]
    options = "".join(
        f"{_tag('option', {'value': value, **({'selected': ''} if value == chosen else {})})}{escape(shown)}</option>"
        for value, shown in offered
    )
    return f"{_tag('select', attributes)}{options}</select>"


def _limits(column: Column) -> str:
    if isinstance(column, CategoryColumn):
        return "Another word is allowed, and warned about" if column.open else ""
    if isinstance(column, NumberColumn | IntegerColumn) and (column.minimum is not None or column.maximum is not None):
        low, high = (None if edge is None else f"{edge:.15g}" for edge in (column.minimum, column.maximum))
        if low is None or high is None:
            return f"At least {low}" if high is None else f"At most {high}"
        return f"{low} to {high}"
    return ""


def _tag(name: str, attributes: dict[str, str]) -> str:
    written = (f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{''.join(written)}>"
