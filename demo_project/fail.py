"""A run that goes wrong: asks for a column that iris.csv does not have."""

from __future__ import annotations

import csv
import time
from pathlib import Path

from azureml.core import Run

DATA = Path(__file__).resolve().parent / "iris.csv"


def mean(rows: list[dict[str, str]], column: str) -> float:
    return sum(float(row[column]) for row in rows) / len(rows)


def main() -> None:
    run = Run.get_context()
    with DATA.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for column in ("sepal_length", "sepal_width", "petal"):
        print(f"mean of {column} ...", flush=True)
        time.sleep(0.7)
        run.log(f"mean of {column}", mean(rows, column))


if __name__ == "__main__":
    main()
