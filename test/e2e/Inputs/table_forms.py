#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes a table of label and text in all forms that hold the same rows.

    table_forms.py TABLE.tsv OUTPUT

OUTPUT gets table.csv, table.jsonl, table.tsv.gz, packed.tsv (gzip by another
name) and part-0.csv, part-1.tsv, part-2.jsonl.
"""

import csv
import gzip
import json
import pathlib
import sys


def read_rows(path):
    """(label, text) of each row of a TSV of these columns."""
    lines = path.read_text().splitlines()
    assert lines[0] == "label\ttext", lines[0]
    return [line.split("\t") for line in lines[1:]]


def write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["text", "label"])
        writer.writerows([text, label] for label, text in rows)


def write_tsv(path, rows):
    lines = ["label\ttext"] + ["\t".join(row) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def jsonl(rows):
    return "".join(
        json.dumps({"text": text, "label": label}) + "\n"
        for label, text in rows)


def main():
    rows = read_rows(pathlib.Path(sys.argv[1]))
    out = pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    write_csv(out / "table.csv", rows)
    (out / "table.jsonl").write_text(jsonl(rows))
    packed = gzip.compress(pathlib.Path(sys.argv[1]).read_bytes(), mtime=0)
    (out / "table.tsv.gz").write_bytes(packed)
    (out / "packed.tsv").write_bytes(packed)
    third = len(rows) // 3
    write_csv(out / "part-0.csv", rows[:third])
    write_tsv(out / "part-1.tsv", rows[third:2 * third])
    (out / "part-2.jsonl").write_text(jsonl(rows[2 * third:]))


if __name__ == "__main__":
    main()
