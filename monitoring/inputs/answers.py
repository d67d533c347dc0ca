"""Answers of the prediction log in their normal form, block by block: no Python row each, and memory has a bound."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import json as arrow_json

from monitoring.errors import MonitoringError
from monitoring.frames import HIGH, ID, LATENCY_MS, LOW, TIME, VERSION, is_numeric, normal_form
from pipeline.contract import PREDICTION, Contract

ROW = "__row__"  # the place in the outbox, in the order of writing
_TIME = pa.timestamp("us", "UTC")
_FIELDS = {"id": ID, "time": TIME, "version": VERSION, "row": ROW}
_NUMBERS = {"prediction": PREDICTION, "low": LOW, "high": HIGH, "latency_ms": LATENCY_MS}
_PARSED_AT_ONCE = 4 * 2**20  # bytes; a longer row would not be read


def answers(contract: Contract, blocks: Iterable[bytes]) -> Iterator[pa.Table]:
    """Give each block as a table: what the contract logs, prediction, interval, truth, and what tells answers apart.

    The next block is read while one is parsed.

    Raises:
        MonitoringError: when a line of the log is no JSON.
    """
    schema = _schema(contract)
    for block in _ahead(iter(blocks)):
        try:
            options = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
            reading = arrow_json.ReadOptions(block_size=_PARSED_AT_ONCE)
            table = arrow_json.read_json(pa.BufferReader(block), read_options=reading, parse_options=options)
        except pa.ArrowInvalid:  # an earlier contract had the column with another type
            table = _read_each(contract, block)
        yield _normal(contract, table.combine_chunks())


def _ahead(blocks: Iterator[bytes]) -> Iterator[bytes]:
    with ThreadPoolExecutor(1) as reader:  # SQLite wants one thread from the first block to the last
        try:
            following = reader.submit(next, blocks, None)
            while (block := following.result()) is not None:
                following = reader.submit(next, blocks, None)
                yield block
        finally:
            close = getattr(blocks, "close", None)
            if close:
                reader.submit(close).result()


def _schema(contract: Contract) -> pa.Schema:
    types = {"id": pa.string(), "time": pa.string(), "version": pa.int64(), "row": pa.int64()}
    numbers = dict.fromkeys([*_NUMBERS, "actual"], pa.float64())
    features = pa.struct([(name, _type(contract, name)) for name in contract.logged])
    return pa.schema([*types.items(), *numbers.items(), ("features", features)])


def _type(contract: Contract, name: str) -> pa.DataType:
    column = contract.features[name]
    return pa.float64() if is_numeric(column) else pa.bool_() if column.type == "boolean" else pa.string()


def _normal(contract: Contract, table: pa.Table) -> pa.Table:
    columns = {target: table[name] for name, target in _FIELDS.items()}
    columns[TIME] = columns[TIME].cast(_TIME)
    features = table["features"].combine_chunks()
    for place, name in enumerate(contract.logged):
        columns[name] = _words(contract, name, features.field(place))
    columns |= {target: table[name] for name, target in _NUMBERS.items()}
    return pa.table(columns | {contract.target.name: table["actual"]})


def _words(contract: Contract, name: str, values: pa.Array) -> pa.Array:
    """Bring words to their normal form, each once for a block."""
    if pa.types.is_floating(values.type):
        return values
    words = values.cast(pa.string()).dictionary_encode()
    known = pd.DataFrame({name: words.dictionary.to_pylist()}, dtype=object)
    normal = pa.array(normal_form(contract, known)[name], type=pa.string(), from_pandas=True)
    return normal.take(words.indices)


def _read_each(contract: Contract, block: bytes) -> pa.Table:
    try:
        lines: list[dict[str, Any]] = [json.loads(line) for line in block.splitlines()]
    except ValueError as error:
        raise MonitoringError(f"{contract.name}: the prediction log holds a row that is no JSON: {error}") from error
    held = pd.DataFrame([line["features"] for line in lines], columns=list(contract.logged), dtype=object)
    normal = normal_form(contract, held)
    features = [pa.array(normal[name], type=_normal_type(contract, name), from_pandas=True) for name in contract.logged]
    others = _schema(contract).remove(_schema(contract).get_field_index("features"))
    table = pa.Table.from_pylist(lines, schema=others)
    return table.append_column("features", pa.StructArray.from_arrays(features, names=list(contract.logged)))


def _normal_type(contract: Contract, name: str) -> pa.DataType:
    return pa.float64() if is_numeric(contract.features[name]) else pa.string()
