#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Prints how many options the help of each command lists, and those that it
says nothing about.

    help.py graft COMMAND ... -- graft-compile

Words before `--` are a program and its commands.
"""

import re
import subprocess
import sys

COLUMN = 30


def unexplained(words):
    """The number of options, and the names of those without a word on them."""
    text = subprocess.run([*words, "--help"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    # Examples follow, of whole commands.
    lines = text.split("Example:")[0].splitlines()
    count, names = 0, []
    for line, following in zip(lines, [*lines[1:], ""]):
        option = re.match(r" +((?:-\w,)?--[\w-]+)", line)
        if not option:
            continue
        count += 1
        # The description has a column of its own, here or in the next line.
        if not (line[COLUMN - 1:COLUMN] == " " and line[COLUMN:].strip()) and (
                following[:COLUMN].strip() or not following.strip()):
            names.append(option.group(1))
    return count, names


def main():
    words = sys.argv[1:]
    end = words.index("--")
    commands = [[words[0], command] for command in words[1:end]]
    for command in [*commands, words[end + 1:]]:
        count, names = unexplained(command)
        print(" ".join(command), "has options:", count > 1, "unexplained:",
              ", ".join(names) or "none")


if __name__ == "__main__":
    main()
