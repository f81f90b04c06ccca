# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""docs/results.md, from the records of the trials that `./run accept` kept."""

import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "results.md"
FOLDER = ROOT / "docs" / "results"
# The page from this line on is written by hand, and kept.
BY_HAND = "## What the numbers say\n"
INTRODUCTION = """# Methods on real data

Written by `./run accept --report` from the records in `docs/results/`. Edit only the
last section, [What the numbers say](#what-the-numbers-say).

The model is all-MiniLM-L6-v2 in bf16; the scripts in `test/e2e/trials/` say all settings.
Accuracies are means over the seeds, in %. The interval is that of the difference to the
baseline in points: 95 % of a bootstrap over seeds and test rows, paired, so that a method
helps, or harms, where it does not contain 0. *Trained* are the parameters that learn in
the program that makes the model, *memory* what `graft plan` says that this program takes,
*time* is the mean of a whole run with one thread, beside others, so it tells only what is
much slower. `./run accept ITEM` makes a record again; a run that was stopped goes on where
it was.
"""
TITLES = {
    "adaptation": "Another domain without labels: Amazon reviews",
    "domains": "Two domains, then each: Amazon reviews",
    "tasks": "Two tasks in one model: TREC and SST-2",
    "fine-tuning": "Ways of fine-tuning: TREC",
    "few-labels-trec": "8 labels of each class: TREC",
    "few-labels-sst2": "8 labels of each class: SST-2",
    "more-labels-trec": "64 labels of each class: TREC",
    "more-labels-sst2": "64 labels of each class: SST-2",
    "distilling-trec": "Students of 3 of 6 layers: TREC",
    "distilling-sst2": "Students of 3 of 6 layers: SST-2",
}


def number(value):
    if value >= 1e6:
        return f"{value / 1e6:.1f} M"
    return f"{value / 1e3:.0f} k" if value >= 1e4 else str(value)


def cell(test):
    if "difference" not in test:
        return f"{test['mean']:.1f}"
    low, high = test["difference"]
    helps = low > 0 or high < 0
    words = f"{low:+.1f} to {high:+.1f}"
    return f"{test['mean']:.1f} ({'**' if helps else ''}{words}{'**' if helps else ''})"


def section(item):
    path = FOLDER / f"{item}.json"
    yield f"## {TITLES[item]}\n"
    if not path.exists():
        yield f"`./run accept {item}`: no record yet.\n"
        return
    record = json.loads(path.read_text())
    numbers = record["numbers"]
    tests = numbers["test_rows"]
    rows = ", ".join(f"{name} {count}" for name, count in tests.items())
    yield (f"`{record['command']}` at {record['commit'][:12]}, {record['date'][:10]}; "
           f"{numbers['seeds']} seeds; test rows: {rows}; {record['processor']}."
           + ("" if record["passed"] else " **Not passed**: a method is right in less "
              f"than {numbers['least']:g} %.") + "\n")
    yield "| " + " | ".join(["method", *tests, "compared with", "trained", "memory",
                             "time"]) + " |"
    yield "|" + "---|" * (5 + len(tests))
    for method, told in numbers["methods"].items():
        cells = [cell(told["tests"][name]) for name in tests]
        baselines = {test.get("baseline") for test in told["tests"].values()} - {None}
        yield "| " + " | ".join([
            f"`{method}`", *cells, ", ".join(f"`{name}`" for name in baselines) or "-",
            number(told["trained"]), f"{told['bytes'] / 1e6:.0f} MB",
            f"{told['seconds']:.0f} s"]) + " |"
    yield ""


def by_hand(page, heading):
    """The part of a page that is not made of records: from a heading on."""
    text = page.read_text() if page.exists() else ""
    _, found, rest = text.partition(f"\n{heading}")
    return found + rest


def text():
    parts = [INTRODUCTION, *("\n".join(section(item)) for item in TITLES)]
    return "\n".join(parts).rstrip() + "\n" + by_hand(PAGE, BY_HAND)


def is_current():
    return PAGE.exists() and PAGE.read_text() == text()
