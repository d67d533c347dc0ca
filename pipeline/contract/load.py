"""Reading contract files, with errors that name the file, the place and the way out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.contract.contract import Contract
from pipeline.errors import PipelineError


class ContractError(PipelineError):
    """A contract that cannot be used."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML keeps the last of two equal keys without a word; a contract with two columns of one name is wrong."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":  # `<<: *other` may give keys that are then overruled
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, list | dict):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_contract(path: Path) -> Contract:
    """Read and check one contract file.

    Raises:
        ContractError: when the file cannot be read, is no YAML, or is no contract.
    """
    try:
        content_ = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 (a SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: cannot be read: {error}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2009-02-30
        raise ContractError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    return parse_contract(content_, str(path))


def parse_contract(content_: Any, source: str = "contract") -> Contract:
    """Check the content of a contract file; `source` is what messages call it.

    Raises:
        ContractError: with one line for each thing that is wrong.
    """
    if not isinstance(content_, dict):
        raise ContractError(f"{source}: holds no sections; see docs/contract.md")
    try:
        return Contract.model_validate(content_)
    except ValidationError as error:
        raise ContractError("\n".join(_lines(source, error.errors()))) from error


def load_contracts(folder: Path) -> dict[str, Contract]:
    """Read every `*.yaml` of the folder, by name; the file must be called as the contract is.

    Raises:
        ContractError: when one of them is wrong, or none is there.
    """
    contracts = {path: load_contract(path) for path in sorted(folder.glob("*.yaml"))}
    if not contracts:
        raise ContractError(f"{folder}: holds no contract (*.yaml)")
    for path, contract in contracts.items():
        if path.stem != contract.name:
            raise ContractError(f"{path}: is named {contract.name!r} inside; call the file {contract.name}.yaml")
    return {contract.name: contract for contract in contracts.values()}


_KEYS = "must have keys of its own, as {{key: value}} or one on each line below it"
_TYPES = "number, integer, boolean, category, text, date"
_WORDS = {
    "extra_forbidden": "is not known here; check the spelling",
    "missing": "must be given",
    "union_tag_not_found": f"has no type; one of: {_TYPES}",
    "union_tag_invalid": f"type {{tag!r}} is not known; one of: {_TYPES}",
    "model_type": _KEYS,
    "dict_type": _KEYS,
    "tuple_type": "must be a list, such as [a, b]",
    "too_short": "needs {min_length} or more",
}
_PATTERNS = {
    "name": "must be lower-case letters, digits and _, beginning with a letter, not ending with _, at most 63 of them",
    "delimiter": 'must be one sign, such as ";" or "|" (a tab is "\\t")',
}


def _lines(source: str, items: list[Any]) -> Iterator[str]:
    for item in items:
        below = any(other["loc"][: len(item["loc"])] == item["loc"] for other in items if other is not item)
        if item["type"] == "too_short" and below:  # what is wrong with its items was the reason
            continue
        yield f"{source}: {_where(item['loc'])}: {_message(item)}{_shown(item)}"


def _where(loc: tuple[Any, ...]) -> str:
    """Return a place as the file has it: without the type that pydantic puts below a column's name."""
    parts = [*loc[:2], *loc[3:]] if loc[:1] == ("columns",) and len(loc) > 2 else list(loc)
    return ".".join(str(part) for part in parts if part != "[key]") or "the whole"


def _message(item: Any) -> str:
    if item["type"] == "string_type" and not isinstance(item.get("input"), dict | list):
        return "must be a text; write it in quotes, since YAML reads a bare no, 12 or 2009-01-01 as something else"
    if item["type"] == "string_pattern_mismatch" and item["loc"][-1] in _PATTERNS:
        return _PATTERNS[item["loc"][-1]]
    if item["type"] in _WORDS:
        return _WORDS[item["type"]].format(**item.get("ctx", {}))
    return str(item["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")


def _shown(item: Any) -> str:
    given = item.get("input")
    return "" if isinstance(given, dict | list) or item["type"] == "missing" else f" (got {given!r})"
