#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Every command on a tiny job while something goes wrong.

    run.py WORK [--only COMMAND] [--writes all|some] [--signals N] [--seed S]

What goes wrong: the first, second, ... write fails until the command succeeds,
and some of them with all that follow (failing_calls.c; of a command that writes
more than 500 times the first, the last and some between); standard output or
standard error is a closed pipe, or not open at all; the folder for the output is read-only, or
missing; SIGINT, SIGTERM or SIGKILL comes at N random moments, to the process
or, as from a terminal, to all of its group.

Then the exit status must be the documented one (1 failure, 128 + signal) with a
message that names what failed; an output is whole or as it was before; no
temporary file stays, but after SIGKILL; nothing else changes, such as the
folder of another run; and the same command, or --resume, then succeeds with the
results of an undisturbed one. A write into the cache of compiled kernels may
fail without a word.

Tools of Graft are in PATH, clang is found through CC or as clang-22.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from commands import (COMMANDS, count_writes, make_world,  # noqa: E402
                      with_fault)

HERE = pathlib.Path(__file__).resolve().parent
SOME = 4
# Of a command that writes more often, `all` are the first, the last and some
# between.
MOST = 500
EVERY = 10
FULL = "No space left on device"
NOBODY = 65534
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]


class Wrong(Exception):
    """A command did not keep the rules above."""


def contents(root, skipped):
    """A digest of each file below `root`, but of those in `skipped`."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if any(name == s or name.startswith(s + "/") for s in skipped):
            continue
        if path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def names(root, outputs):
    """The files of the outputs. Events are named after the time, and a signal
    adds a checkpoint."""
    found = set()
    for output in outputs:
        path = root / output
        for file in [path, *path.rglob("*")]:
            name = file.relative_to(root).as_posix()
            if file.is_file() and not name.startswith("cache/"):
                found.add(re.sub(r"tfevents\.\d+|checkpoint-\d+", "N", name))
    return found


def metrics(run):
    """What a run measured, but for times."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items()
             if key not in ("examples_per_second", "share_waited")}
            for line in lines]


class Job:
    """A command in copies of the world."""

    def __init__(self, command, world, work, library):
        self.command, self.world = command, world
        self.work, self.library = work, library
        # A run that begins has no folder; one that is resumed has this.
        self.stopped = command.name == "resume"
        self.before = contents(world, command.outputs + ["stopped"])
        self.temporary = work / "tmp"
        self.temporary.mkdir()
        self.copy()
        start = time.monotonic()
        done = self.run(command.words)
        self.seconds = time.monotonic() - start
        if done.returncode != 0:
            raise Wrong(f"undisturbed: {done.returncode}\n"
                        f"{done.stderr.decode()}")
        self.expected = {name: (self.root / name).read_bytes()
                         for name in command.same}
        self.names = names(self.root, command.outputs)
        self.metrics = (metrics(self.root / "run") if command.trains else None)
        self.printed = done.stdout
        if command.prints != bool(done.stdout):
            raise Wrong(f"undisturbed: it prints {done.stdout!r}")
        if self.before != contents(self.root, command.outputs):
            raise Wrong("undisturbed: it wrote what it was not asked for")

    def copy(self):
        self.root = self.work / "copy"
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.world, self.root, symlinks=True)
        if self.stopped:
            (self.root / "stopped").rename(self.root / "run")
        else:
            shutil.rmtree(self.root / "stopped")

    def environment(self, **more):
        return {**os.environ, "TMPDIR": str(self.temporary), **more}

    def run(self, words, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("env", self.environment())
        return subprocess.run(words, cwd=self.root, timeout=60,
                              input=self.command.read.encode(), **options)

    def old(self, name):
        """The bytes of a file before the command; None: none."""
        path = self.world / name
        if name.startswith("run/") and self.stopped:
            path = self.world / "stopped" / name[4:]
        return path.read_bytes() if path.exists() else None

    def check_files(self, killed=False):
        """Nothing else changed; an output is whole, old or not there."""
        after = contents(self.root, self.command.outputs)
        if killed:
            after = {name: digest for name, digest in after.items()
                     if ".tmp-" not in name}
        if after != self.before:
            changed = set(after.items()) ^ set(self.before.items())
            raise Wrong(f"changed {sorted({name for name, _ in changed})}")
        for name, whole in self.expected.items():
            path = self.root / name
            if path.exists() and path.read_bytes() not in (whole,
                                                           self.old(name)):
                raise Wrong(f"{name} is half written")
        left = [p.name for p in self.root.rglob("*")
                if ".tmp" in p.name or ".temp" in p.name]
        left += [p.name for p in self.temporary.iterdir()]
        if left and not killed:
            raise Wrong(f"left {left}")

    def check_whole(self, printed):
        """All results are there."""
        for name, whole in self.expected.items():
            path = self.root / name
            if not path.exists() or path.read_bytes() != whole:
                raise Wrong(f"{name} is not what it should be, exit status 0")
        found = names(self.root, self.command.outputs)
        if found != self.names:
            raise Wrong(f"other files, exit status 0: "
                        f"{sorted(found ^ self.names)}")
        if self.metrics and metrics(self.root / "run") != self.metrics:
            raise Wrong("other metrics.jsonl, exit status 0")
        # What trains prints its speed.
        if printed != self.printed and not (self.command.trains or
                                            self.command.times):
            raise Wrong("other results on standard output, exit status 0")

    def finish(self):
        """The job then succeeds: resumed if it can be, else anew."""
        words = list(self.command.words)
        if self.command.trains and not self.stopped:
            kept = list((self.root / "run").glob("checkpoint-*.safetensors"))
            words.append("--resume" if kept else "--overwrite")
        # What could not be made durable is there, and not written over.
        for folder in ("exported", "empty", "peft"):
            shutil.rmtree(self.root / folder, ignore_errors=True)
        (self.root / "empty").mkdir()
        shutil.rmtree(self.temporary)
        self.temporary.mkdir()
        done = self.run(words)
        if done.returncode != 0:
            if (self.stopped and (self.root / "run" / "model.graft").exists()
                    and b"finished" in done.stderr):
                return
            raise Wrong(f"afterwards {' '.join(words)}: {done.returncode}\n"
                        f"{done.stderr.decode()}")
        self.check_whole(done.stdout)

    def fail_write(self, number, stays=False, finish=True):
        """Returns how many writes there were, and how many failed."""
        self.copy()
        state = self.work / "state"
        done = self.run(self.command.words, env=self.environment(
            **with_fault(self.library, state, number, stays)))
        what = f"write {number}{' and all later ones' if stays else ''}"
        message = done.stderr.decode()
        try:
            if done.returncode == 0:
                # No write failed, or one that is not needed: of a cache.
                self.check_whole(done.stdout)
            elif (done.returncode != 1 or FULL not in message or
                  "LLVM ERROR" in message):
                raise Wrong(f"exit status {done.returncode}, {message!r}")
            self.check_files()
            if done.returncode != 0 and finish:
                self.finish()
        except Wrong as error:
            raise Wrong(f"{what}: {error}, {message!r}") from None
        return count_writes(state)

    def closed_pipes(self):
        """Nobody reads standard output, or standard error."""
        for stream in ("stdout", "stderr"):
            if stream == "stdout" and not self.command.prints:
                continue
            self.copy()
            reader, writer = os.pipe()
            os.close(reader)
            done = self.run(self.command.words, **{stream: writer})
            os.close(writer)
            expected = -signal.SIGPIPE if stream == "stdout" else 0
            # Notes may be there, but no word of the pipe.
            if done.returncode != expected or (
                    expected and b"standard output" in done.stderr):
                raise Wrong(f"{stream} is a closed pipe: exit status "
                            f"{done.returncode}, {done.stderr!r}")
            if expected == 0:
                self.check_whole(done.stdout)
            self.check_files()

    def closed_streams(self):
        """A standard stream is not open: its number must not become that of
        a file, or results and messages go into it."""
        for stream, fails in (("1", self.command.prints), ("2", False)):
            self.copy()
            done = self.run(["sh", "-c", f'exec "$@" {stream}>&-', "sh",
                             *self.command.words])
            if done.returncode != fails or (
                    fails and b"standard output: cannot write" not in
                    done.stderr):
                raise Wrong(f"stream {stream} is closed: exit status "
                            f"{done.returncode}, {done.stderr!r}")
            if not fails:
                self.check_whole(done.stdout)
            self.check_files()

    def folder(self, missing):
        """The outputs lie in a folder that is missing or read-only."""
        if not self.command.outputs or self.command.read:
            return
        self.copy()
        output = self.command.outputs[0]
        words = [word if word != output else f"folder/{output}"
                 for word in self.command.words]
        options = {}
        if not missing:
            self.root.chmod(0o777)
            folder = self.root / "folder"
            folder.mkdir()
            if self.stopped:
                (self.root / output).rename(folder / output)
                (folder / output).chmod(0o555)
            folder.chmod(0o555)
            if os.geteuid() == 0:
                options = {"user": NOBODY, "group": NOBODY,
                           "extra_groups": []}
            self.temporary.chmod(0o777)
        elif self.stopped:
            return
        before = contents(self.root, [])
        done = self.run(words, **options)
        message = done.stderr.decode()
        if missing and done.returncode == 0:
            if not (self.root / "folder" / output).exists():
                raise Wrong("missing folder: exit status 0, no output")
            return  # folders of runs are made
        if done.returncode != 1 or f"folder/{output}" not in message:
            raise Wrong(f"{'missing' if missing else 'read-only'} folder: exit "
                        f"status {done.returncode}, {message!r}")
        after = contents(self.root, ["cache", "stages"])
        if set(after.items()) - set(before.items()):
            raise Wrong("wrote something beside a folder that it cannot write")

    def interrupt(self, number, seconds, group):
        self.copy()
        process = subprocess.Popen(
            self.command.words, cwd=self.root, env=self.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True)
        try:
            # Ends early if the command does.
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            (os.killpg if group else os.kill)(process.pid, number)
        printed, message = process.communicate(timeout=60)
        code = process.returncode
        what = (f"{signal.Signals(number).name}{' to all' if group else ''} "
                f"after {seconds:.3f} s")
        try:
            if code not in (0, 128 + number, -number):
                raise Wrong(f"exit status {code}")
            killed = number == signal.SIGKILL
            self.check_files(killed)
            if code == 0 and not self.command.read:
                self.check_whole(printed)
            elif code != 0:
                self.finish()
        except Wrong as error:
            raise Wrong(f"{what}: {error}, {message.decode()!r}") from None


def fail_writes(job, draw, every):
    """Returns how many were let fail, one after the other."""
    count, _ = job.fail_write(sys.maxsize)
    if every and count > MOST:
        # Nearly all of them are one file's, such as a dump of the program.
        ends = {*range(1, MOST // 2), *range(count - MOST // 4, count + 1)}
        tried = ends | set(draw.sample(range(1, count + 1), MOST // 4))
        for number in sorted(tried):
            job.fail_write(number, stays=number % EVERY == 1,
                           finish=number % EVERY == 0)
        return len(tried)
    if every:
        number = failed = 1
        while failed:
            _, failed = job.fail_write(number, finish=number % EVERY == 0)
            if failed and number % EVERY == 1:
                job.fail_write(number, stays=True)
            number += 1
            if number > 2 * MOST:
                raise Wrong(f"more than {2 * MOST} writes")
        return number - 2
    some = draw.sample(range(1, count + 1), min(count, SOME))
    for i, number in enumerate(some):
        job.fail_write(number, stays=i % 3 == 1, finish=i % 3 == 0)
    return len(some)


def check(command, arguments, world, library):
    """Returns the number of writes that were let fail."""
    work = arguments.work / command.name
    work.mkdir()
    work.chmod(0o755)
    job = Job(command, world, work, library)
    draw = random.Random(f"{arguments.seed} {command.name}")
    tried = fail_writes(job, draw, arguments.writes == "all")
    job.closed_pipes()
    job.closed_streams()
    for missing in (True, False):
        job.folder(missing)
    for _ in range(arguments.signals):
        job.interrupt(draw.choice(SIGNALS), draw.uniform(0, 1.1 * job.seconds),
                      group=draw.random() < 0.5)
    shutil.rmtree(work)
    return tried


def main():
    # nohup and background jobs of shells leave some ignored, for children, too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--only", choices=[c.name for c in COMMANDS],
                        action="append")
    parser.add_argument("--writes", choices=["all", "some"], default="all")
    parser.add_argument("--signals", type=int, default=20)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--record", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.work = arguments.work.resolve()
    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    arguments.work.chmod(0o755)
    # Kernels are compiled once, and no user's cache changes.
    os.environ.setdefault("GRAFT_CACHE", str(arguments.work / "cache"))
    library = arguments.work / "failing_calls.so"
    subprocess.run([os.environ.get("CC", "clang-22"), "-shared", "-fPIC", "-O1",
                    HERE / "failing_calls.c", "-o", library], check=True)
    world = arguments.work / "world"
    make_world(world, library)

    def one(command):
        try:
            return check(command, arguments, world, library), None
        except Wrong as error:
            return 0, str(error)

    chosen = [c for c in COMMANDS
              if not arguments.only or c.name in arguments.only]
    writes, failed = {}, {}
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for command, (tried, error) in zip(chosen, pool.map(one, chosen)):
            writes[command.name] = tried
            if error:
                failed[command.name] = error
            print(f"{command.name}: {error or 'holds'}", flush=True)
    if arguments.record:
        arguments.record.write_text(json.dumps({
            "passed": not failed, "seed": arguments.seed,
            "signals_per_command": arguments.signals,
            "failed_writes": writes, "wrong": failed}) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
