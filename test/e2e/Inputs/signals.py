#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Stops training runs by SIGINT, SIGTERM and SIGHUP, resumes them, and compares what
comes of them with an undisturbed run, bit by bit.

    signals.py WORK [STREAMS.mlir]

WORK has the model and the tables of tiny_bert.py, on which `graft finetune`
trains or, by a strategy of the streams @source and @target, `graft train`. A run that is stopped ends
with 128 and the number of the signal, says how to go on, and leaves no model.
What a resumed run leaves in metrics.jsonl has each step once.
"""

import filecmp
import json
import pathlib
import signal
import subprocess
import sys
import time

EPOCHS, SECONDS = "12", 60


def command(work, output):
    train, test = work / "train.tsv", work / "test.tsv"
    what = ["finetune", "--model", work / "model", "--train", train, "--dev",
            test, "--epochs", EPOCHS]
    if len(sys.argv) > 2:
        what = ["train", sys.argv[2], "--model", f"net={work / 'model'}",
                "--data", f"source={train}", "--data", f"target={test}",
                "--data", f"dev={test}", "--set", f"passes={EPOCHS}"]
    return ["graft", *what, "--max-tokens", "64", "--evaluate-every", "7",
            "--log-every", "1", "--shuffle", "--output", output, "--quiet"]


def stop(work, output, number, lines):
    """Stops a run once its metrics have so many lines."""
    process = subprocess.Popen(command(work, output), stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, text=True)
    metrics, end = output / "metrics.jsonl", time.monotonic() + SECONDS
    while not (metrics.exists() and
               metrics.read_text().count("\n") >= lines):
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"expects {lines} lines of metrics, got "
                     f"{process.communicate()[1]}")
        time.sleep(0.001)
    process.send_signal(number)
    message = process.communicate()[1]
    if (process.returncode != 128 + number or
            "continue with --resume" not in message):
        sys.exit(f"expects the code {128 + number} and how to go on, got "
                 f"{process.returncode}: {message}")
    if (output / "model.graft").exists():
        sys.exit("expects no model of a run that was stopped")


def records(output):
    """Step and kind of each line of the metrics."""
    lines = (output / "metrics.jsonl").read_text().splitlines()
    return [(record["step"], "dev_loss" in record)
            for record in map(json.loads, lines)]


def main():
    # nohup and background jobs of shells leave some ignored, for children, too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    work = pathlib.Path(sys.argv[1])
    whole = work / "undisturbed"
    subprocess.run(command(work, whole), check=True, stdout=subprocess.DEVNULL)
    for number, lines in ((signal.SIGINT, 3), (signal.SIGTERM, 60),
                          (signal.SIGHUP, 201)):
        output = work / f"stopped-{lines}"
        stop(work, output, number, lines)
        subprocess.run([*command(work, output), "--resume"], check=True,
                       stdout=subprocess.DEVNULL)
        if not filecmp.cmp(whole / "model.graft", output / "model.graft",
                           shallow=False):
            sys.exit(f"stopped after {lines} lines: expects the same bits")
        if records(whole) != records(output):
            sys.exit(f"expects each step once, got {records(output)}")
        print(f"{signal.Signals(number).name} after {lines} lines: same bits")


if __name__ == "__main__":
    main()
