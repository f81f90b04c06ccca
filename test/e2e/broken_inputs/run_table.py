#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Runs tables of broken inputs: each must end with its message.

    run_table.py FOLDER TABLE... [--filter PATTERN] [--show] [--rewrite]

FOLDER is emptied. A table has one case per line,

    name | steps; steps | command | status | message

where the steps (functions of inputs.py, and their words) break a copy of a
tiny model, a table or an artifact, $NAME in the command and the message is a
variable of inputs.py, and the message is a line of standard error: exactly, or
with `~` before it a regular expression that is found in one. More messages
follow after ` && `. Words are quoted as in a shell. A case without steps has
`-` there. Commands begin with a name of SHORT or with a program.

--show prints what each case said. --rewrite puts what the cases say that differ
in nothing but their messages into the tables; read the difference.

Checked for every case: the status (1 failure, 2 wrong usage), no end by a
signal, at most 10 seconds, the messages, no word of deny_list.txt, no value of
more than 40 characters in full, and nothing written that was not asked for.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import shutil
import string
import subprocess
import sys
import time

import inputs

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 10  # seconds
SHORT = {
    "finetune": "graft finetune --model $MODEL --train $TRAIN --output $OUT "
                "--quiet",
    "regression": "graft finetune --model $MODEL --train $TRAIN --output $OUT "
                  "--task regression --quiet",
    "train": "graft train $PAGE --model model=$MODEL --data train=$TRAIN "
             "--output $OUT --quiet",
    "distill": "graft distill --teacher $TEACHER --model $MODEL "
               "--train $TRAIN --output $OUT --quiet",
    "evaluate": "graft evaluate $ARTIFACT --data $DATA",
    "predict": "graft predict $ARTIFACT",
    "inspect": "graft inspect $ARTIFACT",
    "plan": "graft plan --model $MODEL --train $TRAIN",
    "bench": "graft bench $ARTIFACT",
    "export": "graft export $ARTIFACT --output $OUT",
    "import": "graft import $MODEL -o $OUT",
    "compile": "graft-compile $MODEL --classes 3 -o $OUT",
    "page": "graft-compile $PAGE --model model=$MODEL --classes 3 -o $OUT",
    "run": "graft-run $PROGRAM",
}


class Case:
    def __init__(self, where, line):
        parts = [part.strip() for part in re.split(r"(?<!\\)\|", line)]
        if len(parts) != 5:
            sys.exit(f"{where}: expects 5 columns, got {len(parts)}")
        parts = [part.replace("\\|", "|") for part in parts]
        self.where = where
        self.name, steps, self.command, status, message = parts
        self.steps = [] if steps == "-" else [
            shlex.split(step) for step in re.split(r";(?=\s)", steps)]
        self.status = int(status)
        self.messages = message.split(" && ")


def read_tables(paths):
    cases, names = [], set()
    for path in paths:
        for number, line in enumerate(path.read_text().split("\n"), 1):
            if not line.strip() or line.startswith("#"):
                continue
            case = Case(f"{path.name}:{number}", line)
            if case.name in names:
                sys.exit(f"{case.where}: expects each name once, got "
                         f"{case.name} twice")
            names.add(case.name)
            cases.append(case)
    return cases


def read_deny_list():
    """Patterns, each with what may say it."""
    for line in (HERE / "deny_list.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            exempt, pattern = re.fullmatch(r"(?:<(.*?)> )?(.*)", line).groups()
            yield re.compile(pattern), set((exempt or "").split())


DENIED = list(read_deny_list())


def expand(text, variables):
    return string.Template(text).safe_substitute(variables)


def words_of(case, made):
    """The command's words; variables are put in after they are split."""
    command = case.command
    first = command.split()[0]
    if first in SHORT:
        command = SHORT[first] + command[len(first):]
    return [inputs.unescape(expand(word, made.variables))
            for word in shlex.split(command)]


def unasked(made):
    """Files that the case left beside what it was asked for."""
    found = [path.name for path in (made.folder / "cwd").iterdir()]
    out = pathlib.Path(made.variables["OUT"])
    left = re.compile(r"[.]part$|^[.]tmp|^facts[.]json$|^settings")
    if out.is_dir():
        found += [path.name for path in out.rglob("*")
                  if left.search(path.name)]
        if made.fresh:
            found += [path.name for path in out.iterdir()
                      if path.name == "model.graft"]
    return found


def describe(status):
    return f"signal {-status}" if status < 0 else f"status {status}"


def check(case, made, words, status, text, seconds):
    """What is wrong with the end of a case, line by line."""
    if status is None:
        yield f"did not end within {LIMIT} s"
        return
    if status != case.status:
        yield f"expects status {case.status}, got {describe(status)}"
    if seconds > LIMIT:
        yield f"took {seconds:.1f} s"
    lines = text.split("\n")
    for message in case.messages:
        wanted = expand(message.lstrip("~"), {
            name: re.escape(value) if message.startswith("~") else value
            for name, value in made.variables.items()})
        found = (any(re.search(wanted, line) for line in lines)
                 if message.startswith("~") else wanted in lines)
        if not found:
            yield f"expects the message {wanted}"
    # What the command and the paths say is the user's own.
    plain = text
    own = [*made.variables.values(),
           *(word.decode("utf-8", "replace") for word in words[1:])]
    for value in sorted(own, key=len, reverse=True):
        if 3 < len(value) <= 60 or "/" in value:
            plain = plain.replace(value, "PATH")
    kinds = {words[0].decode()}
    if b".mlir" in b" ".join(words):
        kinds.add("page")
    for pattern, exempt in DENIED:
        if not exempt & kinds and (match := pattern.search(plain)):
            yield f"says {match.group()!r}, which users do not know"
    if match := re.search(r"(?<![^\s,;()'\"])[^\s/,;()'\"]{61,}", plain):
        yield f"shows {match.group()[:70]} in full"
    if case.status == 2 and made.fresh and os.path.exists(
            made.variables["OUT"]):
        yield "wrong usage left an output"
    for name in unasked(made):
        yield f"left {name}"


def run_case(base, folder, case):
    made = inputs.Case(base, folder / case.name)
    (made.folder / "cwd").mkdir(parents=True)
    for name, *words in case.steps:
        inputs.MAKERS[name](made, *words)
    made.fresh = not os.path.lexists(made.variables["OUT"])
    words = words_of(case, made)
    start = time.monotonic()
    try:
        done = subprocess.run(
            words, cwd=made.folder / "cwd", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT)
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        status, output = None, late.stdout or b""
    text = output.decode("utf-8", "backslashreplace")
    problems = list(check(case, made, words, status, text,
                          time.monotonic() - start))
    text = text.replace("$", "$$")
    for name, value in sorted(made.variables.items(),
                              key=lambda item: -len(item[1])):
        if name != "LEVEL":  # Messages name the same level for other reasons.
            text = text.replace(value, "$" + name)
    if not problems:
        shutil.rmtree(made.folder)
    return case, problems, status, text


def report(case, problems, status, text, show):
    if problems:
        print(f"FAIL {case.where} {case.name}")
        for problem in problems:
            print(f"  {problem}")
    elif show:
        print(f"     {case.where} {case.name}")
    if problems or show:
        print(f"  $ {case.command}  -> {status}")
        for line in text.split("\n")[:12]:
            print(f"  > {line[:300]}")


def main_line(text):
    """The line of an output that says what is wrong."""
    for line in text.split("\n"):
        if re.match(r"graft[a-z-]*( .*)?: (?!initialised|skipped)", line) or (
                ": error: " in line):
            return line
    return ""


def rewrite(tables, case, problems, status, text):
    """Puts the message of a case into its table."""
    line = main_line(text)
    if not line or not line.isprintable() or any(not problem.startswith("expects the message")
                       for problem in problems) or not problems:
        return
    name, number = case.where.split(":")
    path = next(table for table in tables if table.name == name)
    rows = path.read_text().split("\n")
    before = re.match(r"(.*(?<!\\)\|).*", rows[int(number) - 1]).group(1)
    rows[int(number) - 1] = before + " " + line.replace("|", "\\|")
    path.write_text("\n".join(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("tables", type=pathlib.Path, nargs="+")
    parser.add_argument("--filter", default="")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--rewrite", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start = time.monotonic()
    base = inputs.Base(folder.resolve() / "base")
    base.folder.mkdir()
    base.make()
    before = snapshot(base.folder)
    ready = time.monotonic()
    cases = [case for case in read_tables(arguments.tables)
             if re.search(arguments.filter, case.name)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run_case, base, folder.resolve() / "cases", case)
                for case in cases]
        for run in runs:
            result = run.result()
            failed += bool(result[1])
            if arguments.rewrite:
                rewrite(arguments.tables, *result)
            report(*result, arguments.show)
    if snapshot(base.folder) != before:
        print("FAIL an input was changed")
        failed += 1
    print(f"{len(cases)} cases, {failed} failed; inputs {ready - start:.1f} s, "
          f"cases {time.monotonic() - ready:.1f} s")
    sys.exit(1 if failed else 0)


def snapshot(folder):
    return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns)
                  for path in folder.rglob("*"))


if __name__ == "__main__":
    main()
