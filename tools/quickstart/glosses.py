#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Makes a text classification data set of WordNet's noun glosses.

Reads Debian's wordnet-base (data.noun) and writes train.tsv and test.tsv with
the columns `label` and `text`: the definition of a noun and which of the 26
lexicographer categories it belongs to. The split is fixed: synsets ordered by
(FNV-1a 64 of the offset's 8 digits, offset); the first 4,000 are the test
split, the next 20,000 the training split.

    tools/quickstart/glosses.py --output build/glosses
"""

import argparse
import collections
import pathlib
import sys

# lexnames(5WN), files 03 to 28: the categories of nouns. The package ships
# the manual page only, so the table stands here.
FIRST_CATEGORY = 3
CATEGORIES = (
    "Tops act animal artifact attribute body cognition communication event "
    "feeling food group location motive object person phenomenon plant "
    "possession process quantity relation shape state substance time"
).split()

TEST_ROWS = 4000
TRAIN_ROWS = 20000


def fnv1a64(data):
    """FNV-1a, 64 bits (Fowler, Noll, Vo)."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def read_glosses(path):
    """Yields (offset digits, category, gloss) of each synset of data.noun."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line.startswith(b"  "):  # the licence
                continue
            fields, bar, gloss = line.partition(b"|")
            words = fields.split()
            if not bar or len(words) < 2 or len(words[0]) != 8:
                sys.exit(f"{path}:{number}: expects a synset with a gloss, got "
                         f"{line[:60]!r}")
            category = int(words[1]) - FIRST_CATEGORY
            if not 0 <= category < len(CATEGORIES):
                sys.exit(f"{path}:{number}: expects a noun category of 03 to "
                         f"28, got {words[1].decode()}")
            try:
                text = gloss.decode("utf-8")
            except UnicodeDecodeError:
                text = gloss.decode("latin-1")
            yield words[0], CATEGORIES[category], text.strip()


def write_split(path, rows):
    """Writes rows as TSV, aside first, so that a file is whole or absent."""
    aside = path.with_suffix(".part")
    with open(aside, "w", encoding="utf-8", newline="\n") as file:
        file.write("label\ttext\n")
        for _, label, text in rows:
            file.write(f"{label}\t{text}\n")
    aside.rename(path)
    counts = collections.Counter(label for _, label, _ in rows)
    print(f"{path}: {len(rows)} rows, {len(counts)} labels")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--wordnet", type=pathlib.Path,
                        default=pathlib.Path("/usr/share/wordnet"),
                        help="folder with data.noun (default: %(default)s)")
    parser.add_argument("--output", type=pathlib.Path, required=True,
                        help="folder for train.tsv and test.tsv")
    arguments = parser.parse_args()
    source = arguments.wordnet / "data.noun"
    if not source.is_file():
        sys.exit(f"{source}: no such file; install Debian's wordnet-base")

    rows = list(read_glosses(source))
    if len(rows) < TEST_ROWS + TRAIN_ROWS:
        sys.exit(f"{source}: expects at least {TEST_ROWS + TRAIN_ROWS} "
                 f"synsets, got {len(rows)}")
    rows.sort(key=lambda row: (fnv1a64(row[0]), row[0]))
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_split(arguments.output / "test.tsv", rows[:TEST_ROWS])
    write_split(arguments.output / "train.tsv",
                rows[TEST_ROWS:TEST_ROWS + TRAIN_ROWS])


if __name__ == "__main__":
    main()
