# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Checks rules that no compiler checks; prints `FILE:LINE: what is wrong`.

usage: lint.py [--format] [ROOT]

- every source opens with the two licence lines,
- C++ is formatted as .clang-format says (--format rewrites it instead),
- a folder includes only what docs/architecture.md lets it include: runtime/
  neither LLVM, MLIR nor the compiler, dialects/ no passes, and so on,
- a stage of the compiler includes no later stage,
- folders do not include each other in a cycle (a registry.cc, which lists what
  its subfolders hold, does not count),
- a pass has an entry's worth of test: passes/STAGE/PASS.cc that defines a
  pass needs test/passes/STAGE/PASS.mlir,
- a header's guard is its path,
- Debian's MLIR breaks pass statistics, so no .td declares any,
- no file is larger than 1 MB: what a command wrote is not a source,
- no TODO, no left conflict of a merge, no test that is switched off.

ROOT is the repository, by default the one of this script. Only files that git
tracks, or would track, are looked at. Exits with 1 when something is found.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

CLANG_FORMAT = "clang-format-22"
MOST_BYTES = 1_000_000

# File name or suffix -> how a line of comment starts.
COMMENT = {".cc": "//", ".h": "//", ".td": "//", ".fbs": "//", ".mlir": "//",
           ".py": "#", ".sh": "#", ".cmake": "#", ".test": "#", ".in": "#",
           "CMakeLists.txt": "#", "run": "#"}
LICENCE = ("Part of Graft, under the Apache License v2.0.",
           "SPDX-License-Identifier: Apache-2.0")
# Inputs of tests are data; their bytes matter.
DATA_FOLDERS = {"Inputs", "testdata"}

# An include of a .cc, .h or .td, as its path.
INCLUDE = re.compile(r'\s*#?\s*include\s*["<]([^">]+)[">]')
COMPILER_FOLDERS = {"mlir", "llvm", "lld", "clang"}
# What each folder may include of the repository beside itself; folders that
# are not listed may include all. The column in docs/architecture.md.
SHARED_FORMATS = ["runtime/base", "runtime/formats"]
MAY_INCLUDE = {
    "dialects": [],
    # The interpreter loads native code to compare it with the reference.
    "passes": ["dialects", "runtime/artifact", "runtime/device/cpu",
               "runtime/schema", *SHARED_FORMATS],
    "frontend": ["dialects", *SHARED_FORMATS],
    "models": ["dialects", "frontend", *SHARED_FORMATS],
    "runtime": [],
}
OUR_FOLDERS = {*MAY_INCLUDE, "examples", "test", "tools"}
# The stages in the order in which they run. The interpreter is no stage: it
# runs programs of all of them, and none of them includes it.
STAGES = ["transfer", "autodiff", "precision", "shard", "fuse", "lower", "plan",
          "export", "interpret"]
DEFINES_PASS = re.compile(r"\bGEN_PASS_DEF_\w+")
OPEN_WORK = re.compile(r"\b(TODO|FIXME|XXX)\b")
CONFLICT = re.compile(r"(<{7}|>{7}) |={7}$")
# A test that is kept but not run.
SWITCHED_OFF = re.compile(r"\bTEST\w*\s*\([^,]*,\s*DISABLED_")


def tracked_files(root):
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"],
        cwd=root, check=True, capture_output=True, text=True).stdout
    for name in listing.split("\0"):
        path = pathlib.PurePosixPath(name)
        if name and (root / name).is_file() and not DATA_FOLDERS & set(
                path.parts):
            yield path


def check_licence(root, path, lines):
    comment = COMMENT.get(path.name) or COMMENT.get(path.suffix)
    if comment is None:
        return
    start = 1 if lines and lines[0].startswith("#!") else 0
    wanted = [f"{comment} {text}" for text in LICENCE]
    # A header for C compilers too opens with /* ... */ instead, and the input
    # of a .test may be in a language whose comments start with //.
    others = {".h": ["/* " + LICENCE[0], " * " + LICENCE[1]],
              ".test": ["// " + text for text in LICENCE]}
    first = [line.removesuffix(" */") for line in lines[start:start + 2]]
    if first not in (wanted, others.get(path.suffix)):
        yield start + 1, f"expects the two licence lines, `{wanted[0]}` first"


def includes_of(path, lines):
    """Number of the line and path of each include of a C++ or .td file."""
    if path.suffix in (".cc", ".h", ".td"):
        for number, line in enumerate(lines, 1):
            if match := INCLUDE.match(line):
                yield number, pathlib.PurePosixPath(match[1])


def check_upward_includes(root, path, lines):
    top = path.parts[0]
    allowed = MAY_INCLUDE.get(top)
    if allowed is None:
        return
    for number, included in includes_of(path, lines):
        first = included.parts[0]
        if first in COMPILER_FOLDERS and top == "runtime" or (
                first in OUR_FOLDERS and first != top
                and not any(included.is_relative_to(folder)
                            for folder in allowed)):
            yield number, f"{top}/ must not include {included}"


def stage_of(path):
    """The position of a path's stage, or None."""
    if len(path.parts) > 2 and path.parts[0] == "passes":
        if path.parts[1] in STAGES:
            return STAGES.index(path.parts[1])
    return None


def check_later_stages(root, path, lines):
    stage = stage_of(path)
    if stage is None:
        return
    for number, included in includes_of(path, lines):
        other = stage_of(included)
        if other is not None and other > stage:
            yield number, (f"passes/{STAGES[stage]} must not include "
                           f"{included}, of a later stage")


def check_header_guard(root, path, lines):
    if path.suffix != ".h":
        return
    guard = "GRAFT_" + re.sub(r"\W", "_", str(path)).upper() + "_"
    if f"#ifndef {guard}" not in lines:
        yield 1, f"expects the include guard {guard}"


def check_pass_has_test(root, path, lines):
    if (path.parts[0] != "passes" or path.suffix != ".cc"
            or len(path.parts) < 3):
        return
    if any(DEFINES_PASS.search(line) for line in lines):
        test = pathlib.PurePosixPath("test") / path.with_suffix(".mlir")
        if not (root / test).exists():
            yield 1, f"expects a test of this pass in {test}"


def check_forbidden_words(root, path, lines):
    if path.name == "lint.py" or (path.name not in COMMENT
                                  and path.suffix not in COMMENT):
        return
    for number, line in enumerate(lines, 1):
        if CONFLICT.match(line):
            yield number, "a conflict of a merge"
        if match := OPEN_WORK.search(line):
            yield number, f"{match[0]} left in the source"
        if SWITCHED_OFF.search(line):
            yield number, "a test that is switched off"
        if path.suffix == ".td" and re.match(r"\s*let statistics\b", line):
            yield number, "Debian's MLIR breaks pass statistics"


CHECKS = [check_licence, check_upward_includes, check_later_stages,
          check_header_guard, check_pass_has_test, check_forbidden_words]


def folder_includes(root, files):
    """Folder -> folder that it includes -> the first such include. Only files
    of the repository count, so generated ones do not, and test/ does not."""
    tracked = set(files)
    graph = {}
    for path in files:
        if path.parts[0] == "test":
            continue
        is_registry = path.name == "registry.cc"
        lines = (root / path).read_text(errors="replace").splitlines()
        for number, included in includes_of(path, lines):
            listed = is_registry and included.parent.parent == path.parent
            if (included in tracked and included.parent != path.parent
                    and not listed):
                graph.setdefault(path.parent, {}).setdefault(
                    included.parent, f"{path}:{number}")
    return graph


def shortest_cycle(graph, start):
    """The folders of a shortest way from `start` back to it, or None."""
    came_from = {}
    queue = [start]
    for folder in queue:
        for other in sorted(graph.get(folder, ())):
            if other == start:
                cycle = [folder]
                while cycle[-1] != start:
                    cycle.append(came_from[cycle[-1]])
                return cycle[::-1]
            if other not in came_from:
                came_from[other] = folder
                queue.append(other)
    return None


def check_cycles(root, files):
    graph = folder_includes(root, files)
    reported = set()
    for start in sorted(graph):
        cycle = shortest_cycle(graph, start)
        if cycle is None or not reported.isdisjoint(cycle):
            continue
        reported.update(cycle)
        names = " -> ".join(str(folder) for folder in [*cycle, start])
        for folder, other in zip(cycle, [*cycle[1:], start]):
            yield f"{graph[folder][other]}: closes a cycle of folders, {names}"


def check_text(root, path):
    size = (root / path).stat().st_size
    if size > MOST_BYTES:
        yield f"{path}:1: expects at most {MOST_BYTES} bytes, got {size}"
        return
    try:
        lines = (root / path).read_text().splitlines()
    except UnicodeDecodeError:
        return
    for check in CHECKS:
        for number, message in check(root, path, lines):
            yield f"{path}:{number}: {message}"


def clang_format(root, path, rewrite):
    mode = ["-i"] if rewrite else ["--dry-run", "-Werror"]
    done = subprocess.run([CLANG_FORMAT, *mode, str(path)], cwd=root,
                          capture_output=True, text=True)
    if done.returncode == 0:
        return []
    return [line for line in done.stderr.splitlines()
            if re.match(r"\S+:\d+:\d+: ", line)] or [done.stderr.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--format", action="store_true")
    parser.add_argument("root", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2])
    options = parser.parse_args()
    root = options.root
    files = sorted(tracked_files(root))
    findings = []
    if not options.format:
        for path in files:
            findings += check_text(root, path)
        findings += check_cycles(root, files)
    sources = [path for path in files if path.suffix in (".cc", ".h")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(
                lambda path: clang_format(root, path, options.format),
                sources):
            findings += found
    if findings:
        print("\n".join(findings))
    elif options.format:
        print(f"format: {len(sources)} files are formatted")
    else:
        print(f"lint: {len(files)} files, nothing found")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
