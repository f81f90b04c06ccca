#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Ends commands by signals before a training begins, and while they predict.

    ended.py WORK

WORK has the model and the tables of tiny_bert.py, and trained/model.graft. Each
command ends with 128 and the number of the signal, as a shell counts, leaves no
process and no temporary file, and what was there before stays as it was.
"""

import array
import fcntl
import os
import pathlib
import signal
import subprocess
import sys
import termios
import time

SECONDS = 60
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def wait_for(condition, process, what):
    end = time.monotonic() + SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"expects {what}, got {process.communicate()}")
        time.sleep(0.001)


def expect_end(process, number, what):
    _, message = process.communicate(timeout=SECONDS)
    code = process.returncode
    if (code if code >= 0 else 128 - code) != 128 + number:
        sys.exit(f"{what}: expects the code {128 + number}, got {code}: "
                 f"{message}")


def expect_files(folder, names):
    found = sorted(path.name for path in folder.iterdir())
    if found != names:
        sys.exit(f"{folder}: expects {names}, got {found}")


def compilers(process):
    """Processes that it has started and that run."""
    task = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(word) for word in task.read_text().split()]


def compiles(pid):
    """Whether the process is a compiler that is to write a program."""
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        return "graft-compile" in words[0] and any("program.graft" in word
                                                   for word in words)
    except OSError:
        return False


def end_compilation(work, number):
    output, cache = work / f"compiled-{number}", work / f"cache-{number}"
    command = ["graft", "finetune", "--model", work / "model", "--train",
               work / "train.tsv", "--max-steps", "1", "--output", output,
               "--quiet"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "GRAFT_CACHE": str(cache)})
    wait_for(lambda: any(map(compiles, compilers(process))), process,
             "a compiler that runs")
    children = compilers(process)
    process.send_signal(number)
    expect_end(process, number, "a compilation")
    if any(map(compiles, children)):
        sys.exit("expects a compiler that ends with its command")
    if output.exists():
        sys.exit(f"expects no folder of the run, got {list(output.iterdir())}")
    # Compiles again; once is enough.
    if number == NUMBERS[-1]:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def end_prediction(work, number, command, result):
    """Ends a command once it has read the rows that it is given."""
    folder = work / f"{command[0]}-{number}"
    folder.mkdir()
    (folder / result).write_text("old\n")
    model = work / "trained" / "model.graft"
    process = subprocess.Popen(
        ["graft", command[0], model, "--data", "-", "--format", "tsv",
         command[1], folder / result],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b"label\ttext\n" + b"plant\toak rose\n" * 200)
    process.stdin.flush()
    unread = array.array("i", [0])

    def all_read():
        fcntl.ioctl(process.stdin.fileno(), termios.FIONREAD, unread)
        return unread[0] == 0

    wait_for(all_read, process, "rows that are read")
    process.send_signal(number)
    expect_end(process, number, command[0])
    expect_files(folder, [result])
    if (folder / result).read_text() != "old\n":
        sys.exit(f"{command[0]}: expects the file of before")


def main():
    work = pathlib.Path(sys.argv[1])
    # A caller such as nohup may ignore them, which its children then do.
    for number in NUMBERS:
        signal.signal(number, signal.SIG_DFL)
    for number in NUMBERS:
        end_compilation(work, number)
        end_prediction(work, number, ("predict", "--output"), "rows.jsonl")
        end_prediction(work, number, ("evaluate", "--picture"), "matrix.svg")
        print(f"{signal.Signals(number).name}: 3 commands ended")


main()
