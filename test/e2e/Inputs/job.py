# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""What scripts that measure whole jobs share. Tools of Graft are in PATH."""

import json
import subprocess
import sys


def run(*command, **options):
    """Runs a tool and returns what it printed; its messages are shown when it
    fails."""
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code "
                 f"{done.returncode}\n{done.stderr}")
    return done.stdout


def write_equal_texts(path, rows, length):
    """Writes a table of `rows` texts of `length` tokens each, [CLS] and [SEP]
    included, in two classes that their words tell apart. The words are pieces
    of any English vocabulary and of tiny_bert.py's."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("label\ttext\n")
        for row in range(rows):
            word = ("cat", "horse")[row % 2]
            file.write(f"{word}\t{' '.join([word] * (length - 2))}\n")


def finish(passed, record, path):
    """Prints the record of a check as a line of JSON, keeps it in `path`
    unless that is None, and ends the script."""
    line = json.dumps({"passed": passed, **record})
    print(line)
    if path:
        path.write_text(line + "\n")
    sys.exit(0 if passed else 1)
