"""Reading contract files, with errors that name the file, the place and the way out."""

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
        raise ContractError("\n".join(_line(source, item) for item in error.errors())) from error


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


_WORDS = {
    "extra_forbidden": "is not known here; check the spelling",
    "missing": "must be given",
    "union_tag_not_found": "has no type; one of: number, integer, boolean, category, text, date",
}


def _line(source: str, item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"]) or "the whole"
    given = item.get("input")
    message = _WORDS.get(item["type"], item["msg"].removeprefix("Value error, "))
    if item["type"] == "string_type" and not isinstance(given, dict | list):
        message = "must be a text; write it in quotes, since YAML reads a bare no, 12 or 2009-01-01 as something else"
    shown = "" if isinstance(given, dict | list) or item["type"] == "missing" else f" (got {given!r})"
    return f"{source}: {where}: {message}{shown}"
