"""Tables that are not what the contract says: their columns and their lines."""

import pandas as pd

from tests.ingestion.bad_batches.case import (
    OTHER,
    ROWS,
    WRONG,
    Accepted,
    Case,
    Quarantined,
    csv_of,
    csv_text,
    file_of,
    parquet_of,
    refused,
    texts,
    typed,
    unreadable,
    with_cells,
)

LINES = csv_text(texts()).splitlines()
UNREADABLE = {"": "unreadable"}


def lines_with(changed: dict[int, str]) -> str:
    """Return the valid lines, those of some rows changed."""
    return "\n".join(changed.get(place, line) for place, line in enumerate(LINES)) + "\n"


COLUMNS = [
    Case(
        "a renamed column",
        csv_of(texts().rename(columns={"area": "aera"})),
        refused("area: is not there", "the source has 'aera': did you mean"),
    ),
    Case(
        "a column in other case",
        csv_of(texts().rename(columns={"class": "CLASS"})),
        refused("class: is not there", "the source has 'CLASS': did you mean"),
    ),
    Case(
        "a renamed column in Parquet",
        parquet_of(typed().rename(columns={"kind": "kinds"})),
        refused("kind: is not there", "the source has 'kinds': did you mean"),
    ),
    Case(
        "a column that is gone",
        csv_of(texts().drop(columns="lift")),
        refused("lift: is not there; allowed: true or false"),
    ),
    Case("an optional column that is gone", csv_of(texts().drop(columns="state")), refused("state: is not there")),
    Case("no event time", csv_of(texts().drop(columns="sold")), refused("sold: is not there")),
    Case(
        "a renamed event time",
        csv_of(texts().rename(columns={"sold": "sold on"})),
        refused("sold: is not there", "the source has 'sold on': did you mean"),
    ),
    Case("no key", csv_of(texts().drop(columns="flat id")), refused("flat id: is not there")),
    Case("no target", csv_of(texts().drop(columns="rent")), refused("rent: is not there")),
    Case(
        "another table",
        csv_of(pd.DataFrame({"a": ["1"], "b": ["2"]})),
        refused("flat id: is not there", "rent: is not there"),
    ),
    Case("reordered columns", csv_of(texts()[list(reversed(texts().columns))]), Accepted()),
    Case("more columns", csv_of(texts().assign(agent="x", notes="")), Accepted(ignored=("agent", "notes"))),
    Case(
        "two thousand columns",
        csv_of(pd.concat([texts(), pd.DataFrame("1", range(ROWS), [f"c{n}" for n in range(2000)])], axis=1)),
        Accepted(ignored=tuple(f"c{n}" for n in range(2000))),
    ),
    Case("an index without a name", file_of(texts().to_csv()), Accepted(ignored=("",))),
    Case(
        "two columns of one name",
        file_of(csv_text(texts().assign(x="70")).replace("rent,x", "rent,area")),
        unreadable("more than one column is called 'area'"),
    ),
    Case(
        "two columns whose names differ by spaces",
        file_of(csv_text(texts().assign(x="70")).replace("rent,x", "rent, area ")),
        unreadable("more than one column is called 'area'"),
    ),
    Case("spaces around names", csv_of(texts().rename(columns=lambda name: f" {name} ")), Accepted()),
    Case("quotes around everything", csv_of(texts(), quoting=1), Accepted()),
    Case("numbers where names should be", file_of("\n".join(LINES[1:])), refused("flat id: is not there")),
]

BROKEN_LINES = [
    Case(
        "a line with too many cells",
        file_of(lines_with({WRONG: LINES[WRONG] + ",more"})),
        Quarantined({WRONG: UNREADABLE}, ("cannot be read", "row 7")),
    ),
    Case(
        "a line with too few cells",
        file_of(lines_with({WRONG: "f,2020-01-01"})),
        Quarantined({WRONG: UNREADABLE}, ("cannot be read", "row 7")),
    ),
    Case(
        "two broken lines",
        file_of(lines_with({WRONG: "f,", OTHER: LINES[OTHER] + ",,"})),
        Quarantined({WRONG: UNREADABLE, OTHER: UNREADABLE}),
    ),
    Case(
        "a broken line beside a bad cell",
        file_of(
            "\n".join(
                ["f,", *csv_text(with_cells(texts(), area="x")).splitlines()][i] for i in (1, 0, *range(2, ROWS + 2))
            )
        ),
        Quarantined({1: UNREADABLE, WRONG + 1: {"area": "type"}}, of=ROWS + 1),
    ),
    Case(
        "blank lines between",
        file_of(csv_text(with_cells(texts(), area="x")).replace("\n", "\n\n")),
        Quarantined({WRONG: {"area": "type"}}),
    ),
    Case(
        "a comma at the end of each line but the header",
        file_of("\n".join([LINES[0], *(line + "," for line in LINES[1:])])),
        refused("cannot be read"),
    ),
    Case(
        "a line break inside of quotes",
        csv_of(with_cells(with_cells(texts(), flat_id="a\nb\nc"), OTHER, area="x")),
        Quarantined({OTHER: {"area": "type"}}),
    ),
]

CASES = [*COLUMNS, *BROKEN_LINES]
