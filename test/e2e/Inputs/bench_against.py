# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""What `bench.py --against` makes of timings that are known, and of builds that
are shell scripts.

    bench_against.py FOLDER WORK
"""

import contextlib
import io
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, sys.argv[1])
import against  # noqa: E402
import builds  # noqa: E402
import common  # noqa: E402
import memory  # noqa: E402

WORK = pathlib.Path(sys.argv[2])
WORK.mkdir(parents=True)


def settings(folder, pairs=6):
    folder.mkdir()
    return common.Settings(pairs=pairs, threads=[], seconds=0, quick=False,
                           smoke=True, work=folder, glosses=folder, rows=8)


def ends(low, high):
    return {"low": low, "high": high}


def printed(function, *arguments, **options):
    """What the function gives, or how it exits, and what it prints."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            result = function(*arguments, **options)
        except SystemExit as error:
            result = error.code
    return result, text.getvalue()


# The lower end decides, and A/A whether it can.
quiet, noisy = ends(0.99, 1.01), ends(0.97, 1.05)
assert against.verdict(ends(1.03, 1.2), quiet) == "slower"
assert against.verdict(ends(1.02, 1.2), quiet) == "holds"
assert against.verdict(ends(0.5, 0.9), quiet) == "holds"
assert against.verdict(ends(0.99, 1.01), noisy) == "inconclusive"
assert against.verdict(ends(0.99, 1.01), ends(0.95, 1.0)) == "inconclusive"
# Equal builds differ as much, or less than these two.
assert against.verdict(ends(1.04, 1.2), noisy) == "inconclusive"
assert against.verdict(ends(1.06, 1.2), noisy) == "slower"


# Synthetic timings: a row takes the next of its values in each round.
class Rows:
    """A plan of one group."""

    def __init__(self, rows, settings, identical=False):
        self.rows, self.settings, self.identical = rows, settings, identical
        self.prepared = 0

    def groups(self, case):
        return [against.Group([row for row in self.rows if row.case == case],
                              self.prepare)]

    def prepare(self):
        self.prepared += 1
        return self.identical


def row(values, *, kernels=False, work="1x16", failing=None):
    calls = {side: 0 for side in against.SIDES}

    def sample(side):
        if failing == (side, calls[side]):
            raise KeyboardInterrupt
        calls[side] += 1
        return values[side][(calls[side] - 1) % len(values[side])]
    made = against.Row("infer", "m", work, 1, "fp32", sample, 1.0,
                       kernels=kernels)
    return made, calls


folder = WORK / "synthetic"
options = settings(folder)
drift = [1.0, 1.1, 1.3, 0.9, 1.0, 1.2]  # the machine's, the same for all sides
slow, slow_calls = row({"base": drift, "new": [1.05 * x for x in drift],
                        "control": [1.051 * x for x in drift]}, work="slow")
same, _ = row({"base": drift, "new": [1.01 * x for x in drift],
               "control": [1.01 * x for x in drift]}, work="same")
wild, _ = row({"base": [1, 2, 1, 2, 1, 2], "new": [2, 1, 2, 1, 1, 2],
               "control": [1, 1, 2, 2, 2, 1]}, work="wild")
equal, equal_calls = row({}, kernels=True, work="equal")
kept = against.Kept(folder / "kept.json")
plan = Rows([slow, same, wild, equal], options, identical=True)
rows, text = printed(against.compare, plan, ["infer"], kept)
assert [r["verdict"] for r in rows] == [
    "slower", "holds", "inconclusive", "identical"], rows
assert abs(rows[0]["ratio"]["median"] - 1.05) < 1e-12, rows[0]
assert rows[0]["rounds"] == 6 and set(equal_calls.values()) == {0}
assert "slow  fp32  1 thread\n" in text and "slower" in text, text
assert "identical kernels and commands, not timed" in text, text
code, text = printed(against.conclude, rows)
assert code == 1 and "slower: infer m slow fp32 1" in text, text
assert "inconclusive: infer m wild fp32 1" in text, text
assert printed(against.conclude, rows[1:])[0] == 0

# What is kept is not measured again; more pairs add to it.
kept = against.Kept(folder / "kept.json")
again, _ = printed(against.compare, plan, ["infer"], kept)
assert again == rows and plan.prepared == 1, plan.prepared
assert slow_calls["base"] == 6
options.pairs = 8
again, _ = printed(against.compare, plan, ["infer"], kept)
assert slow_calls["base"] == 8 and again[0]["rounds"] == 8

# A run that is stopped within a round goes on with that round.
options.pairs = 6
stopped, _ = row({side: drift for side in against.SIDES}, work="stopped",
                 failing=("control", 3))
kept = against.Kept(folder / "stopped.json")
try:
    printed(against.compare, Rows([stopped], options), ["infer"], kept)
    raise AssertionError("expects to be interrupted")
except KeyboardInterrupt:
    pass
kept = against.Kept(folder / "stopped.json")
assert kept.rounds(stopped) == 3
rest, calls = row({side: drift[3:] for side in against.SIDES}, work="stopped")
rows, _ = printed(against.compare, Rows([rest], options), ["infer"], kept)
assert rows[0]["samples"] == {side: drift for side in against.SIDES}, rows
assert set(calls.values()) == {3}

# A row that takes long has five rounds.
entry = kept.of(slow)
entry["samples"] = {side: [1.0] * 4 for side in against.SIDES}
entry["seconds"] = 6 * against.ROUND_SECONDS
assert not kept.is_done(slow, 6)
entry["samples"] = {side: [1.0] * 5 for side in against.SIDES}
assert kept.is_done(slow, 6) and not kept.is_done(slow, 60)


# Builds that are scripts: what a build says of a batch, an artifact's bytes.
def fake(name, milliseconds, artifact, listing="entry f()"):
    folder = WORK / name / "build"
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    (folder / "lib" / "libGraftCompiler.so").write_text(name)
    programs = {
        "graft": f"""
case $1 in
  bench) echo '{{"median_ms": {milliseconds}}}' ;;
  inspect) echo 'artifact {name}'; echo '{listing}' ;;
  finetune)
    while [ "$1" != --output ]; do shift; done
    mkdir -p "$2" && touch "$2/model.graft"
    echo '{{"seconds": {milliseconds}}}' ;;
  predict) ;;
  *) exit 2 ;;
esac
""",
        "graft-compile": f"""
while [ "$1" != -o ]; do shift; done
printf '{artifact}' > "$2"
"""}
    for program, text in programs.items():
        path = folder / "bin" / program
        path.write_text("#!/bin/sh -e\n" + text)
        path.chmod(0o755)
    return folder


def compare(base, new, name, cases=against.CASES):
    output = WORK / f"{name}.json"
    code, text = printed(against.run, str(base), cases,
                         settings(WORK / f"work-{name}"), [1], output,
                         current=new)
    return code, text, json.loads(output.read_text())["rows"]


def verdicts(rows, *cases):
    return [r["verdict"] for r in rows if r["case"] in cases]


old = fake("old", 2.0, "old kernels")
code, text, rows = compare(old, fake("slower", 2.1, "kernels"), "slower")
assert code == 1, text
assert verdicts(rows, "infer") == ["slower"] * 2
assert verdicts(rows, "train") == ["slower"] * 2
assert verdicts(rows, "real-text")[0] == "slower"  # fine-tuning says its time
assert len(verdicts(rows, "memory", "start-up")) == 5
assert "2.00 ms then 2.10 ms  1.050 [1.050, 1.050]  A/A 1.000" in text, text
assert "left] infer  tiny  1x16  fp32  1 thread" in text, text

code, text, rows = compare(old, fake("faster", 1.9, "kernels"), "faster",
                           ["infer", "train"])
assert code == 0 and set(verdicts(rows, "infer", "train")) == {"holds"}, rows

# Equal artifacts: kernels are not timed, the smallest answer is.
code, text, rows = compare(old, fake("moved", 2.0, "old kernels"), "moved")
assert verdicts(rows, "infer") == ["holds", "identical"], rows
assert verdicts(rows, "train") == ["identical"] * 2, rows
assert len(verdicts(rows, "memory", "start-up")) == 5
assert "identical" not in verdicts(rows, "memory", "start-up", "real-text")

# A build that lacks a command is told with it.
broken = fake("broken", 2.0, "kernels")
(broken / "bin" / "graft").write_text("#!/bin/sh\necho no bench >&2\nexit 2\n")
code, text = printed(against.run, str(broken), ["infer"],
                     settings(WORK / "work-broken"), [1], None, current=old)
assert "base/bin/graft bench" in code and "no bench" in code, code


# An artifact in another layout with the same objects and commands is
# identical; with other bytes of code, or other commands, it is not.
def elf(text):
    table = 64 + len(text)
    header = bytearray(b"\x7fELF\x02\x01".ljust(64, b"\0"))
    header[40:48] = table.to_bytes(8, "little")
    header[58:60] = (64).to_bytes(2, "little")
    header[60:62] = (1).to_bytes(2, "little")
    return bytes(header) + text + bytes(64)


def identical(ours, theirs, listing="entry f() // x"):
    folder = WORK / "artifacts"
    folder.mkdir(exist_ok=True)
    for name, data in (("a", ours), ("b", theirs)):
        (folder / name).write_bytes(data)
    sides = [builds.Build(name, path, folder) for name, path in (
        ("base", old), ("new", WORK / "listing" / "build"))]
    if not sides[1].folder.exists():
        fake("listing", 1, "", listing)
    return builds.are_identical(sides[0], folder / "a", sides[1], folder / "b")


block = bytes(builds.BLOCK - 3)  # the object begins across two blocks
assert identical(b"old" + elf(b"code") + b"weights",
                 block + elf(b"code") + b"more")
assert not identical(b"old" + elf(b"code"), b"new" + elf(b"other"))
assert not identical(b"old" + elf(b"code"), b"new" + elf(b"code") * 2)
assert not identical(b"no code", b"other")
(WORK / "listing").rename(WORK / "listing-before")
assert not identical(b"old" + elf(b"code"), b"new" + elf(b"code"), "entry g()")

# The peak of a process has not that of the one that measures it.
ballast = bytearray(64 << 20)
assert 0 < memory.peak_of_process("/bin/true") < 32 << 20
del ballast


# Commits: one that builds, one that does not, none.
def git(*arguments):
    subprocess.run(["git", "-C", common.ROOT, "-c", "user.name=n", "-c",
                    "user.email=e", *arguments], check=True,
                   stdout=subprocess.DEVNULL)


common.ROOT = WORK / "repository"
common.ROOT.mkdir()
git("init", "-q")
(common.ROOT / "CMakePresets.json").write_text(json.dumps(
    {"version": 6, "configurePresets": [{
        "name": "default", "generator": "Ninja",
        "binaryDir": "${sourceDir}/build"}]}))
lists = common.ROOT / "CMakeLists.txt"
lists.write_text("""cmake_minimum_required(VERSION 3.25)
project(fake NONE)
foreach(name graft graft-compile)
  add_custom_target(${name} COMMAND ${CMAKE_COMMAND} -E make_directory bin
    COMMAND ${CMAKE_COMMAND} -E touch bin/${name})
endforeach()
""")
git("add", ".")
git("commit", "-q", "-m", "builds")
made, text = printed(builds.make, builds.find_commit("HEAD"), WORK / "made")
assert builds.is_build(made) and "building" in text, made
assert printed(builds.make, builds.find_commit("HEAD"),
               WORK / "made") == (made, "")
lists.write_text("project(\n")
git("commit", "-q", "-a", "-m", "does not build")
commit = builds.find_commit("HEAD")
code, _ = printed(builds.make, commit, WORK / "made")
assert code.startswith(f"bench: expects {commit[:12]} to build, got an error "
                       "of cmake"), code
assert "CMakeLists.txt" in code, code
for wrong in ("no-such-commit", "", "--all"):
    try:
        builds.find_commit(wrong)
        raise AssertionError(f"expects no commit {wrong}")
    except ValueError as error:
        assert f"build folder with bin/graft, got {wrong}" in str(error), error
