"""Answers, and whether two are the same: as sets of rows with their types, floating-point numbers within 1e-9 of each other."""

import json
import math

FLOATS = {"FLOAT", "DOUBLE"}
WITHIN = 1e-9


def own(connection, sql):
    """DuckDB's own answer."""
    types = [row[1] for row in connection.execute(f"DESCRIBE {sql}").fetchall()]
    names = [f"c{number}" for number in range(len(types))]
    cells = (name if kind in FLOATS else f"CAST({name} AS VARCHAR)" for name, kind in zip(names, types))
    rows = connection.execute(f"SELECT {', '.join(cells)} FROM ({sql}) AS r({', '.join(names)})").fetchall()
    return types, rows


def given(output):
    """quackctl's, and what it says of how it went: of `query --json`."""
    text = lambda value: value
    answer = json.loads(output, object_pairs_hook=list, parse_int=text, parse_float=text)
    rows = dict(answer)["rows"]
    metadata = json.loads(output)["metadata"]
    types = [column["type"] for column in metadata["columns"]]
    return (types, [tuple(cell(value, kind) for (_, value), kind in zip(row, types)) for row in rows]), metadata


def cell(value, kind):
    """As DuckDB writes it."""
    if value is None:
        return None
    if kind in FLOATS:
        return float(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.replace("T", " ").removesuffix("Z") if kind.startswith("TIMESTAMP") else value


def difference(expected, found):
    """What is different, in words; none where nothing is."""
    (types, rows), (found_types, found_rows) = expected, found
    if types != found_types:
        return f"types {found_types}, expected {types}"
    if len(rows) != len(found_rows):
        return f"{len(found_rows)} rows, expected {len(rows)}"
    exact = [kind not in FLOATS for kind in types]

    def key(row):
        pairs = list(zip(row, exact))
        return [(value is None, value or "") for value, same in pairs if same] + [(value is None, value or 0.0) for value, same in pairs if not same]

    for ours, theirs in zip(sorted(found_rows, key=key), sorted(rows, key=key)):
        if not all(map(alike, ours, theirs)):
            return f"row {ours}, expected {theirs}"[:600]
    return None


def alike(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=WITHIN)
    return a == b
