#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Damages files and options at random: commands refuse them, or work.

    damage.py FOLDER [--seed N] [--first N] [--cases N] [--only TARGET]
              [--show] [--record FILE]

FOLDER is emptied. Each case cuts a file of a tiny job short, flips a bit, puts
or drops bytes, or replaces a value of its JSON, or gives an option a strange
value, and runs a command that reads it. Each must end with status 0, 1 or 2 and
never by a signal, a refusal within 10 s; a message must be there, have no word
of deny_list.txt and no long value in full, and name the file or the option.
Damage that a file's format can tell (cut JSON, flips under a checksum) must be
refused. A case depends on its number and the seed only.
"""

import argparse
import concurrent.futures
import gzip
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

import inputs
import run_table

# Seconds of a command that works; one that refuses has those of run_table.
LONGEST = 100
# How a file is damaged; `json` replaces a value of it.
BYTES = ("cut", "flip", "drop", "put", "zeros")


class Target:
    """A file to damage, and the command that reads the copy."""

    def __init__(self, variable, name, command, hows, noticed=()):
        self.variable = variable  # of the folder or file that is copied
        self.name = name          # of the file in it; None: the file itself
        self.command = command
        self.hows = hows
        self.noticed = noticed    # ways that are always refused


TARGETS = {
    "config": Target("MODEL", "config.json", "finetune",
                     BYTES + ("json",) * 5, ("cut",)),
    "vocabulary": Target("MODEL", "vocab.txt", "finetune", BYTES),
    "tokenizer": Target("JSON", "tokenizer.json", "finetune",
                        BYTES + ("json",) * 5, ("cut",)),
    "tokenizer-config": Target("JSON", "tokenizer_config.json", "finetune",
                               BYTES + ("json",) * 5, ("cut",)),
    "weights": Target("MODEL", "model.safetensors", "finetune", BYTES,
                      ("cut", "put", "drop")),
    "header": Target("MODEL", "model.safetensors", "import",
                     ("header", "header-json", "header-json"), ()),
    "index": Target("SHARDS", "model.safetensors.index.json", "import",
                    BYTES + ("json",) * 5, ("cut",)),
    "teacher": Target("TEACHER", "config.json", "distill",
                      BYTES + ("json",) * 3, ("cut",)),
    "tsv": Target("TRAIN", None, "finetune", BYTES),
    "jsonl": Target("JSONL", None, "finetune --train $JSONL", BYTES),
    "csv": Target("CSV", None, "graft evaluate $ARTIFACT --data $CSV", BYTES),
    "gzip": Target("GZIP", None, "graft predict $ARTIFACT --data $GZIP",
                   ("cut", "drop", "flip"), ("cut", "drop")),
    "artifact": Target("ARTIFACT", None, "predict --text oak", BYTES, BYTES),
    "evaluated": Target("ARTIFACT", None, "evaluate", BYTES, BYTES),
    "exported": Target("ARTIFACT", None, "export", BYTES, BYTES),
    "inspected": Target("ARTIFACT", None, "inspect --slots", BYTES, ()),
    "program": Target("PROGRAM", None, "graft plan $PROGRAM", BYTES, ()),
    "checkpoint": Target("RUN", "checkpoint-000000001.safetensors", "resume",
                         BYTES, BYTES),
    "run": Target("RUN", "run.json", "resume", BYTES + ("json",) * 3, ("cut",)),
    "kept-program": Target("RUN", "program.graft", "resume", BYTES, BYTES),
    "metrics": Target("RUN", "metrics.jsonl", "resume", BYTES, ()),
    "labels": Target("LABELS", None,
                     "graft-compile $MODEL --labels $LABELS -o $OUT", BYTES),
    "page": Target("PAGE", None, "train", BYTES),
    "option": None,
}
COMMANDS = {
    **run_table.SHORT,
    "resume": "graft finetune --model $MODEL --train $TRAIN --output $RUN "
              "--quiet --checkpoint-every 1 --epochs 2 --resume",
    "predict": "graft predict $ARTIFACT --text oak",
    "run": "graft-run $PROGRAM --entry predict --inputs $TEXT",
}
OPTIONS = ("finetune", "distill", "train", "plan", "evaluate", "predict",
           "inspect", "export", "import", "compile", "run")
STRANGE = ("nan", "inf", "-1", "-0", "1e400", "0x10", " 3", "3 ", "1e3", "1e-9",
           "1.5", "0.0.5", "18446744073709551616", "-9223372036854775809",
           "4294967296", "1,2", "true", "none", "--", "-", "=", "$", "%s", "*",
           "[", "(", "\\", "..", "/", "/dev/null", "~", "\t", "a=b", "a b",
           "rate=x", "epochs=0", "\u00e9", "\uff11", "x" * 100, "9" * 60, "")
FILES = ("fifo", "empty", "directory", "loop", "dangling", "text", "zeros",
         "missing")
VALUES = (None, True, False, 0, -1, 1, 3, 2.5, 1e300, 2**63, 2**31, "", "x",
          "[UNK]", "\u0000", "x" * 200, [], [1], {}, {"a": 1}, [[]], -0.0)


def cut(draw, data):
    # A cut of blanks at the end is no damage.
    return data[:draw.randrange(max(1, len(data.rstrip())))]


def flip(draw, data):
    at = draw.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1:]


def drop(draw, data):
    at = draw.randrange(len(data))
    return data[:at] + data[at + draw.choice((1, 1, 2, 8, 100)):]


def put(draw, data):
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.randbytes(draw.choice((1, 1, 2, 8))) + data[at:]


def zeros(draw, data):
    at = draw.randrange(len(data))
    size = min(draw.choice((1, 4, 64)), len(data) - at)
    return data[:at] + bytes(size) + data[at + size:]


def places(value, path=()):
    yield path
    if isinstance(value, (dict, list)):
        for key in (value if isinstance(value, dict) else range(len(value))):
            yield from places(value[key], (*path, key))


def change_json(draw, data):
    value = json.loads(data)
    path = draw.choice(list(places(value)))
    new = draw.choice(VALUES)
    if not path:
        return json.dumps(new).encode()
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    how = draw.randrange(3)
    if how == 0:
        del parent[path[-1]]
    elif how == 1 and isinstance(parent, dict):
        parent[draw.choice(list(parent))] = parent[path[-1]]
    else:
        parent[path[-1]] = new
    return json.dumps(value).encode()


def of_header(change):
    def run(draw, data):
        size = int.from_bytes(data[:8], "little")
        header = change(draw, data[8:8 + size].rstrip())
        header += b" " * (-len(header) % 8)
        return len(header).to_bytes(8, "little") + header + data[8 + size:]
    return run


HOWS = {"cut": cut, "flip": flip, "drop": drop, "put": put, "zeros": zeros,
        "json": change_json, "header": of_header(flip),
        "header-json": of_header(change_json)}


def make_more(base):
    """Files beside those of Base, and their variables."""
    model = base.path("model-json")
    (model / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "BertTokenizer", "do_lower_case": True,
        "model_max_length": 20, "unk_token": "[UNK]", "cls_token": "[CLS]",
        "added_tokens_decoder": {"1": {"content": "[UNK]", "special": True}}}))
    shards = base.path("shards")
    shutil.copytree(base.path("model"), shards)
    (shards / "model.safetensors").unlink()
    tensors = inputs.tensors()
    names = list(tensors)
    where = {}
    for part in (0, 1):
        own = names[part::2]
        file = f"model-0000{part + 1}-of-00002.safetensors"
        (shards / file).write_bytes(
            inputs.safetensors({name: tensors[name] for name in own}))
        where |= dict.fromkeys(own, file)
    (shards / "model.safetensors.index.json").write_text(json.dumps(
        {"metadata": {"total_size": 22016}, "weight_map": where}, indent=1))
    rows = [line.split("\t")
            for line in base.path("train.tsv").read_text().splitlines()][1:]
    base.path("t.jsonl").write_text("".join(
        json.dumps({"label": label, "text": text}) + "\n"
        for label, text in rows))
    csv = "label,text\n" + "".join(f'{label},"{text}"\n' for label, text in rows)
    base.path("t.csv").write_text(csv)
    base.path("t.csv.gz").write_bytes(gzip.compress(csv.encode(), mtime=0))
    return {name: str(base.path(path)) for name, path in {
        "JSON": "model-json", "SHARDS": "shards", "JSONL": "t.jsonl",
        "CSV": "t.csv", "GZIP": "t.csv.gz", "RUN": "run"}.items()}


def options_of(program):
    """A command's options that take a value, and what: FILE, INT, ..."""
    text = subprocess.run([*program, "--help"], capture_output=True, text=True,
                          check=True).stdout
    found = re.findall(r"^\s+(?:-\w,)?(--[\w-]+) ([A-Z]+)", text, re.M)
    return sorted(set(found))


class Case:
    def __init__(self, base, more, options, folder, seed, number, only):
        self.made = inputs.Case(base, folder / str(number))
        self.made.variables |= more
        (self.made.folder / "cwd").mkdir(parents=True)
        self.made.fresh = True
        self.name = f"{seed}:{number}"
        self.damage = ""
        draw = random.Random(self.name)
        # The targets in turn, so that few cases have all of them.
        names = [name for name in TARGETS if re.search(only or "", name)]
        target = names[number % len(names)]
        self.must_fail = False
        if target == "option":
            self.choose_option(draw, options)
        else:
            self.damage_file(draw, target)

    def words(self, command):
        first = command.split()[0]
        if first in COMMANDS:
            command = COMMANDS[first] + command[len(first):]
        return [run_table.expand(word, self.made.variables)
                for word in command.split()]

    def choose_option(self, draw, options):
        command = draw.choice(OPTIONS)
        name, kind = draw.choice(options[command])
        if kind in ("FILE", "DIRECTORY") and draw.random() < 0.8:
            # A table and an output may be pipes, which wait for the other end.
            piped = name in ("--train", "--dev", "--data", "--output",
                             "--picture", "--inputs")
            what = draw.choice(FILES[piped:])
            value = str(self.made.folder / what)
            inputs.kind_of_file(pathlib.Path(value), what)
        else:
            value = draw.choice(STRANGE)
        self.command = self.words(command)
        if "finetune" in self.command or "train" in self.command:
            self.command += ["--max-steps", "1"]
        # In place of what the command has.
        if name in self.command:
            at = self.command.index(name)
            del self.command[at:at + 2]
        self.command += [name, value]
        self.damage = f"{command} {name} {value!r}"
        self.named = [word for word in self.command
                      if word.startswith(("-", "/"))] + [value or name]

    def damage_file(self, draw, name):
        target = TARGETS[name]
        made = self.made
        if "JSON" == target.variable or "SHARDS" == target.variable:
            made.variables["MODEL"] = made.variables[target.variable]
            variable = "MODEL"
        else:
            variable = target.variable
        source = pathlib.Path(made.variables[variable])
        path = made.copy(variable, "copied" + source.suffix)
        if name == "tsv":
            made.variables["DATA"] = made.variables["TRAIN"]
        if target.name:
            path = path / target.name
        how = draw.choice(target.hows)
        before = path.read_bytes()
        after = HOWS[how](draw, before)
        path.write_bytes(after)
        self.command = self.words(target.command)
        self.damage = f"{name} {how} {describe(before, after)}"
        self.must_fail = how in target.noticed and before != after
        # The artifact of a run, beside which its checkpoint lies.
        self.named = [str(path.parent if target.variable == "RUN" else path),
                      str(path.parent if target.name else path)]

    def problems(self):
        start = time.monotonic()
        try:
            done = subprocess.run(
                [word.replace("\0", "") for word in self.command],
                cwd=self.made.folder / "cwd", stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                timeout=LONGEST)
        except subprocess.TimeoutExpired as late:
            self.status, self.text = None, str(late.stderr or b"")
            return [f"did not end within {LONGEST} s"]
        self.status = done.returncode
        self.text = done.stderr.decode("utf-8", "backslashreplace")
        self.messages = []  # of run_table.Case
        found = list(run_table.check(
            self, self.made, [word.encode() for word in self.command],
            self.status, self.text, time.monotonic() - start))
        # Names of tensors in checkpoints are Graft's own.
        found = [one for one in found if not one.startswith("shows model.")]
        if self.status not in (0, 1, 2):
            found.append(f"expects status 0, 1 or 2, got "
                         f"{run_table.describe(self.status)}")
        if self.status == 0:
            found = [one for one in found
                     if not one.startswith(("left ", "took "))]
            return found + (["passes"] if self.must_fail else [])
        if not any(name in self.text for name in self.named):
            found.append("names neither file nor option")
        if not re.search(r"^graft|: error: ", self.text, re.M):
            found.append("has no message")
        return found


def describe(before, after):
    for at, (a, b) in enumerate(zip(before, after)):
        if a != b:
            return f"at {at}: {before[at:at + 12]} became {after[at:at + 12]}"
    return f"at {min(len(before), len(after))} of {len(before)} bytes"


def run(arguments):
    folder = arguments.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    base = inputs.Base(folder / "base")
    base.folder.mkdir()
    base.make()
    more = make_more(base)
    options = {}
    for command in OPTIONS:
        words = COMMANDS[command].split()
        options[command] = options_of(
            words[:2] if words[0] == "graft" else words[:1])

    def one(number):
        case = Case(base, more, options, folder / "cases", arguments.seed,
                    number, arguments.only)
        if arguments.plant:
            case.command = ["true"]
        try:
            return case, case.problems()
        finally:
            shutil.rmtree(case.made.folder, ignore_errors=True)

    failures = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for case, problems in pool.map(
                one, range(arguments.first, arguments.first + arguments.cases)):
            if problems:
                failures.append(f"{case.name} {case.damage}")
            if problems or arguments.show:
                print(f"{'FAIL' if problems else '    '} {case.name} "
                      f"{case.damage}", *problems, sep="\n  ")
                print(f"  $ {' '.join(case.command)[:300]}  -> {case.status}")
                for line in case.text.split("\n")[:6]:
                    print(f"  > {line[:300]}")
    print(f"{arguments.cases} cases of seed {arguments.seed}, "
          f"{len(failures)} failed")
    if arguments.record:
        arguments.record.write_text(json.dumps(
            {"passed": not failures, "seed": arguments.seed,
             "cases": arguments.cases, "failures": failures[:20]}))
    sys.exit(1 if failures else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=96)
    parser.add_argument("--first", type=int, default=0,
                        help="number of the first case")
    parser.add_argument("--only", help="pattern of the targets")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--plant", action="store_true",
                        help="commands notice nothing, so that this must")
    parser.add_argument("--record", type=pathlib.Path)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
