# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Builds of Graft that are compared: made from a commit, or copied from a
build folder. This is all that the comparison asks of a build, old or new:

    graft-compile MODEL -o FILE --classes N --max-tokens N --max-sequences N
        --dropout RATE --precision P --cache DIR [--targets LEVEL]
    graft bench FILE --batch N --length N --seconds S --threads N --json
        [--train]                                     (`median_ms` of its line)
    graft finetune --model MODEL --train TABLE --max-length N --batch-size N
        --precision P --threads N --output DIR --json [--targets LEVEL]
                                                               (`seconds` of it)
    graft predict FILE --text TEXT --threads N
    graft predict FILE --data TABLE --output FILE --threads N
    graft inspect FILE --commands            (only to find programs identical)
"""

import filecmp
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

import common
import memory

TARGETS = ("graft", "graft-compile")
FILES = ("bin/graft", "bin/graft-compile")
LIBRARIES = "lib/libGraftCompiler.so*"


class Build:
    """The programs in a build folder, as the side `name` of a comparison."""

    def __init__(self, name, folder, cache):
        self.name, self.folder, self.cache = name, folder, cache
        # The path of the compiler's library that is in the program is that of
        # the folder where it was built.
        self.environment = {
            **os.environ, "GRAFT_CACHE": str(cache),
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, (
                str(folder / "lib"), os.environ.get("LD_LIBRARY_PATH"))))}

    def command(self, program, *arguments):
        return [self.folder / "bin" / program, *arguments]

    def run(self, program, *arguments):
        """Standard output; ends the benchmark when the program fails."""
        return common.run(*self.command(program, *arguments),
                          env=self.environment)

    def seconds(self, program, *arguments):
        """The whole process's."""
        start = time.perf_counter()
        self.run(program, *arguments)
        return time.perf_counter() - start

    def peak(self, program, *arguments):
        """Bytes that were resident at most in the whole process."""
        return memory.peak_of_process(*self.command(program, *arguments),
                                      env=self.environment)

    def bench(self, artifact, **options):
        """Median seconds of a batch, or of an optimiser step."""
        return json.loads(self.run(*bench_command(
            artifact, **options)))["median_ms"] / 1e3

    def finetune(self, model, table, output, *, precision, threads,
                 targets=()):
        """Seconds of its training, without compilation."""
        shutil.rmtree(output, ignore_errors=True)
        summary = self.run(
            "graft", "finetune", "--model", model, "--train", table,
            "--max-length", 128, "--batch-size", 32, "--precision", precision,
            "--threads", threads, "--output", output, "--json", *targets)
        return json.loads(summary.strip().splitlines()[-1])["seconds"]


def compile_command(model, path, *, tokens, sequences, cache, dropout=0.1,
                    precision="fp32", targets=()):
    return ("graft-compile", model, "-o", path, "--classes", 26,
            "--max-tokens", tokens, "--max-sequences", sequences, "--dropout",
            dropout, "--precision", precision, "--cache", cache, *targets)


def bench_command(artifact, *, texts, length, threads, seconds=0, train=False):
    return ("graft", "bench", artifact, "--batch", texts, "--length", length,
            "--seconds", seconds, "--threads", threads, "--json",
            *(["--train"] if train else []))


def identity(folder):
    """A hash of what a build folder has."""
    result = hashlib.sha256()
    for path in (*(folder / name for name in FILES),
                 *sorted(folder.glob(LIBRARIES))):
        result.update(path.read_bytes())
    return result.hexdigest()[:12]


def is_build(folder):
    return all((folder / name).is_file() for name in FILES)


def copy(source, target):
    """Copies what is compared, so that `source` may be built again while a
    comparison runs."""
    shutil.rmtree(target, ignore_errors=True)
    for path in (*(source / name for name in FILES),
                 *source.glob(LIBRARIES)):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    return target


def find_commit(text):
    """Its full name; ValueError if the repository has none of this name."""
    found = subprocess.run(
        ["git", "-C", str(common.ROOT), "rev-parse", "--verify", "--quiet",
         "--end-of-options", text + "^{commit}"], capture_output=True,
        text=True)
    if found.returncode != 0:
        raise ValueError(f"expects a commit of this repository or a build "
                         f"folder with bin/graft, got {text}")
    return found.stdout.strip()


def make(commit, work):
    """Builds a commit's programs below `work`, and returns the build folder.
    Goes on where an earlier call stopped."""
    folder = work / commit[:12]
    source, log = folder / "source", folder / "build.log"
    build = source / "build"
    done = folder / "built"
    if done.exists() and is_build(build):
        return build
    if not (folder / "unpacked").exists():
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir(parents=True)
        unpack(commit, source)
        (folder / "unpacked").touch()
    print(f"building {commit[:12]} in {build}, log in {log}", flush=True)
    with open(log, "w", encoding="utf-8") as file:
        for command in ((["cmake", "--preset", "default"],
                         ["ninja", "-C", "build", *jobs(), *TARGETS])):
            if not run_logged(command, source, file):
                last = "".join(f"  {line}\n" for line in
                               log.read_text().splitlines()[-10:])
                sys.exit(f"bench: expects {commit[:12]} to build, got an error "
                         f"of {command[0]}; the end of {log}:\n{last}")
    done.touch()
    return build


def jobs():
    return ["-j", os.environ["JOBS"]] if "JOBS" in os.environ else []


def unpack(commit, folder):
    archive = subprocess.Popen(
        ["git", "-C", str(common.ROOT), "archive", commit],
        stdout=subprocess.PIPE)
    unpacked = subprocess.run(["tar", "-x", "-C", str(folder)],
                              stdin=archive.stdout)
    archive.stdout.close()
    if archive.wait() or unpacked.returncode:
        sys.exit(f"bench: git archive {commit}: failed")


def run_logged(command, folder, log):
    """Whether the command succeeds. Shows how far ninja is, and how long it
    will still take."""
    start = shown = time.monotonic()
    first = None  # jobs that were done when the clock began
    with subprocess.Popen(command, cwd=folder, text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        for line in process.stdout:
            log.write(line)
            match = re.match(r"\[(\d+)/(\d+)\]", line)
            if not match:
                continue
            done, total = map(int, match.groups())
            now = time.monotonic()
            if first is None:
                first, start = done, now
            if now - shown < 30 or done == first:
                continue
            shown = now
            left = (now - start) / (done - first) * (total - done)
            print(f"  {done} of {total} files, {common.duration(left)} left",
                  flush=True)
    log.flush()
    return process.returncode == 0


# What follows compares artifacts. Files are read in blocks: the peak of memory
# of a process has that of the one that started it in it.

MAGIC = b"\x7fELF\x02\x01"
BLOCK = 1 << 20


def code(path):
    """Hashes of the shared objects in an artifact, each an ELF file, in
    order."""
    hashes, place = [], 0
    with open(path, "rb") as file:
        while (place := find(file, MAGIC, place)) is not None:
            # The table of sections, which the linker writes last: where it
            # is, the size of an entry, how many.
            file.seek(place)
            header = file.read(64)
            offset, entry, count = (
                int.from_bytes(header[begin:end], "little")
                for begin, end in ((40, 48), (58, 60), (60, 62)))
            left = max(offset + entry * count, 64)
            file.seek(place)
            place += left
            digest = hashlib.sha256()
            while left and (block := file.read(min(left, BLOCK))):
                digest.update(block)
                left -= len(block)
            hashes.append(digest.hexdigest())
    return hashes


def find(file, text, place):
    """Where the text is in the file, from `place` on; None: nowhere."""
    while True:
        file.seek(place)
        block = file.read(BLOCK + len(text))
        if (found := block.find(text)) >= 0:
            return place + found
        if len(block) <= BLOCK:
            return None
        place += BLOCK


def commands(build, path):
    """What `graft inspect --commands` says of the programs, without the names
    of values, which are for readers, and without the host program, which runs
    none of what is timed by itself."""
    text = build.run("graft", "inspect", path, "--commands")
    begin = re.search(r"^entry\b", text, re.MULTILINE)
    if not begin:
        return None
    programs = re.split(r"^(?:stream|host)\b", text[begin.start():], maxsplit=1,
                        flags=re.MULTILINE)[0]
    return [line.split(" // ")[0].split() for line in programs.splitlines()]


def are_identical(base, base_path, new, new_path):
    """Whether two artifacts have the same kernels, to the bit, and run them in
    the same order on the same buffers."""
    if filecmp.cmp(base_path, new_path, shallow=False):
        return True
    objects = code(base_path)
    if not objects or objects != code(new_path):
        return False
    ours = commands(new, new_path)
    return ours is not None and ours == commands(base, base_path)
