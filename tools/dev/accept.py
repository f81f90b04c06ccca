#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Runs the long checks of a release and keeps what they measured.

    accept.py [ITEM...]     all items, or some; --list names them
    accept.py --again ITEM  also where a record of this commit exists
    accept.py --report      write docs/results.md from the records of the trials

A check's record is docs/results/ITEM.json: commit, command, numbers, date. An
item that passed at this commit is not run again, so a run that was stopped
goes on where it was; the commit is the last one that changed anything but
records. What PyTorch reaches with several seeds is kept in
docs/results/pytorch/, and run again when its recipe or the data set changes.
Takes GRAFT_REFERENCE_PYTHON, GRAFT_MINILM and GRAFT_DATA from the environment,
as `./run accept` sets them. Exits with 1 when a bound is broken.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import typing

import results

ROOT = results.ROOT
RESULTS = results.FOLDER


class Item(typing.NamedTuple):
    script: str
    # {model}, {data}, {shared}, {work}, {commit} and {references} stand for
    # MiniLM, the quickstart's tables, the folder of data sets, a folder of the
    # item's own, the commit that the record will name, and the file among the
    # records that keeps what PyTorch reaches.
    arguments: tuple[str, ...]
    needs_pytorch: bool = False


def reference(script, *arguments, data="{data}"):
    return Item(f"test/e2e/reference/{script}",
                (*arguments, "--model", "{model}", "--data", data,
                 "--work", "{work}"), needs_pytorch=True)


def parity(*arguments):
    return reference("parity.py", *arguments)


def seeds(name="", count="5", epochs="1", test="test.tsv", least="0"):
    """The recipe with several seeds; the glosses', or all rows of a public set.
    """
    return reference("parity.py", "seeds", "--seeds", count, "--test", test,
                     "--epochs", epochs, "--least", least, "--build",
                     "{commit}", "--references", "{references}",
                     "--precision", "fp32", "bf16",
                     data=f"{{shared}}/{name}" if name else "{data}")


def trial(script, data, *arguments):
    """Methods of transfer beside a baseline, on a public set."""
    return Item(f"test/e2e/trials/{script}.py",
                (*arguments, "--model", "{model}", "--data", f"{{shared}}/{data}",
                 "--work", "{work}"))


# In the order of how long they take, but for the trials.
ITEMS = {
    "memory": Item("test/e2e/Inputs/memory.py",
                   ("--model", "{model}", "--work", "{work}", "--batch-size",
                    "16", "--length", "128", "--steps", "100")),
    "memory-budget": Item("test/e2e/Inputs/memory_budget.py",
                          ("--model", "{model}", "--work", "{work}",
                           "--batch-size", "16", "--length", "128", "--steps",
                           "100", "--pairs", "9", "--precision", "fp32",
                           "bf16")),
    "startup": Item("test/e2e/Inputs/startup.py",
                    ("--model", "{model}", "--work", "{work}", "--text",
                     "a large African mammal with a trunk")),
    "layers": Item("test/e2e/Inputs/layers.py",
                   ("--model", "{model}", "--work", "{work}", "--layers", "6",
                    "24")),
    "crash": Item("test/e2e/Inputs/crash.py",
                  ("--work", "{work}", "--kills", "20", "--seed", "23",
                   "--epochs", "15", "--checkpoint-every", "20",
                   "--disk-full")),
    # Each instruction of a host program, where its test tries a few.
    "instructions": Item("test/e2e/Inputs/kill_everywhere.py",
                         ("--work", "{work}")),
    "damaged-files": Item("test/e2e/broken_inputs/damage.py",
                          ("{work}/cases", "--seed", "2", "--cases", "3000")),
    # Every write and more moments than test/e2e/faults.test tries.
    "faults": Item("test/e2e/Inputs/faults/run.py",
                   ("{work}/copies", "--writes", "all", "--signals", "20",
                    "--seed", "29")),
    # More cases than test/e2e/seam.test.
    "seam": Item("test/e2e/Inputs/seam/run.py",
                 ("{work}/cases", "--count", "300", "--seed", "31"),
                 needs_pytorch=True),
    "freezing": Item("test/e2e/Inputs/freezing.py",
                     ("--model", "{model}", "--train", "{data}/train.tsv",
                      "--work", "{work}", "--layers", "3", "--steps", "60",
                      "--pairs", "3", "--bound", "0.8")),
    "strategy-costs": Item("test/e2e/Inputs/strategy_costs.py",
                           ("--model", "{model}", "--work", "{work}")),
    "parity-tokenizer": Item("test/runtime/tokenize/wordpiece/wordpiece_parity.py",
                             ("wordpiece_ids", "--glosses",
                              "{data}"), needs_pytorch=True),
    "parity-outputs": parity("outputs", "--texts", "100"),
    "parity-gradients": parity("gradients", "--texts", "64"),
    "parity-training": parity("training", "--steps", "100"),
    "parity-gradients-bf16": parity("gradients", "--texts", "64",
                                    "--precision", "bf16"),
    "accuracy-fixed": parity("accuracy"),
    # More seeds: its test split has 500 texts only.
    "accuracy-trec": seeds("trec", count="15", epochs="3", test="dev.tsv"),
    "accuracy-sst2": seeds("sst2", test="dev.tsv"),
    "accuracy-seeds": seeds(least="74.5"),
    "adaptation": trial("adaptation", "amazon4"),
    "domains": trial("domains", "amazon4"),
    "tasks": trial("tasks", ""),
    "fine-tuning": trial("fine_tuning", "trec"),
    "few-labels-trec": trial("few_labels", "trec", "--per-class", "8"),
    "few-labels-sst2": trial("few_labels", "sst2", "--per-class", "8", "--least",
                             "52"),
    "more-labels-trec": trial("few_labels", "trec", "--per-class", "64", "--least",
                              "60"),
    "more-labels-sst2": trial("few_labels", "sst2", "--per-class", "64", "--least",
                              "60"),
    "distilling-trec": trial("distilling", "trec"),
    "distilling-sst2": trial("distilling", "sst2"),
    "distillation": reference("distillation.py", "accuracy", "--seeds", "5",
                              "--rate", "3e-4", "--temperature", "1",
                              "--share", "0.9", "--epochs", "2"),
}
# Both pages are made of records.
EXCEPT_RECORDS = (".", ":(exclude)docs/results", ":(exclude)docs/results.md",
                  ":(exclude)docs/benchmarks.md")


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, text=True,
                          capture_output=True).stdout.strip()


def processor():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in text.splitlines()
             if line.startswith("model name")]
    return f"{os.cpu_count()} x {names[0] if names else platform.machine()}"


def setting(name):
    value = os.environ.get(name)
    if not value:
        sys.exit(f"expects {name} in the environment; `./run accept` and "
                 "`./run bench` set it")
    return value


def passed_before(item, commit):
    try:
        record = json.loads((RESULTS / f"{item}.json").read_text())
    except (OSError, ValueError):
        return False
    return record.get("commit") == commit and record.get("passed") is True


def run_item(name, commit):
    item = ITEMS[name]
    work = ROOT / "build" / "accept" / name
    work.mkdir(parents=True, exist_ok=True)
    record_path = work / "record.json"
    record_path.unlink(missing_ok=True)
    python = (setting("GRAFT_REFERENCE_PYTHON") if item.needs_pytorch
              else sys.executable)
    places = {"model": setting("GRAFT_MINILM"),
              "data": ROOT / "build" / "glosses", "work": work,
              "commit": commit[:12],
              "references": RESULTS / "pytorch" / f"{name}.json"}
    if any("{shared}" in word for word in item.arguments):
        places["shared"] = setting("GRAFT_DATA")
    command = [python, str(ROOT / item.script),
               *(word.format(**places) for word in item.arguments),
               "--record", str(record_path)]
    path = f"{ROOT / 'build' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    code = subprocess.run(command, env={**os.environ, "PATH": path},
                          stdout=subprocess.DEVNULL).returncode
    if not record_path.exists():
        print(f"accept: {name}: stopped with exit code {code}, no record",
              file=sys.stderr)
        return False
    numbers = json.loads(record_path.read_text())
    record = {
        "item": name, "passed": numbers.pop("passed") and code == 0,
        "commit": commit, "date": datetime.datetime.now(
            datetime.timezone.utc).isoformat(timespec="seconds"),
        "command": f"./run accept {name}",
        "script": " ".join((item.script, *item.arguments)),
        "processor": processor(),
        "numbers": {key: value for key, value in numbers.items()
                    if key != "item"},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    aside = RESULTS / f"{name}.part"
    aside.write_text(json.dumps(record, indent=2) + "\n")
    aside.rename(RESULTS / f"{name}.json")
    print(json.dumps(record, indent=2))
    return record["passed"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("items", nargs="*", metavar="ITEM")
    parser.add_argument("--list", action="store_true", help="name the items")
    parser.add_argument("--need-pytorch", action="store_true",
                        help="only say by exit code 0 whether any item does")
    parser.add_argument("--again", action="store_true",
                        help="run items that have a record, too")
    parser.add_argument("--report", action="store_true",
                        help="write docs/results.md from the records")
    parser.add_argument("--check", action="store_true",
                        help="fail unless docs/results.md is up to date")
    arguments = parser.parse_args()
    if arguments.report:
        results.PAGE.write_text(results.text())
    if arguments.check and not results.is_current():
        sys.exit(f"{results.PAGE}: expects what `./run accept --report` writes")
    if arguments.report or arguments.check:
        return
    if arguments.list:
        print("\n".join(ITEMS))
        return
    for item in arguments.items:
        if item not in ITEMS:
            parser.error(f"expects one of {', '.join(ITEMS)}, got {item}")
    if arguments.need_pytorch:
        sys.exit(not any(ITEMS[name].needs_pytorch
                         for name in arguments.items or ITEMS))
    # Records of sources that no commit has would be those of nothing.
    if git("status", "--porcelain", "--", *EXCEPT_RECORDS):
        sys.exit("accept: expects a committed tree, got local changes")
    commit = git("log", "-1", "--format=%H", "--", *EXCEPT_RECORDS)
    failed = []
    for item in arguments.items or ITEMS:
        if not arguments.again and passed_before(item, commit):
            print(f"accept: {item}: passed at this commit before")
            continue
        print(f"accept: {item}", flush=True)
        if not run_item(item, commit):
            failed.append(item)
    if failed:
        sys.exit(f"accept: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
