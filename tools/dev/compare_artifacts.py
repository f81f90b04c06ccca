#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares the artifacts of two builds of Graft byte by byte.

usage: compare_artifacts.py BASE NEW [--quick] [--only NAME] [--work DIR]

BASE and NEW are build folders, for example of two checkouts. Both compile the
same programs (every CPU level and precision; classification, regression,
distillation, frozen layers, memory budgets; MiniLM where GRAFT_MINILM names
it) and run the same short training jobs, and each pair of artifacts must be
equal. For changes that move code and must not change what it does. --quick
compiles for two levels only and trains nothing. --only names one program or
job of the list, such as classes-bf16 or train-distill. --work names a folder that
keeps what BASE made for the next comparison. Exits with 1 if a pair differs.

    tools/dev/compare_artifacts.py ../before/build build
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEVELS = ["avx2", "avx512", "avx512_bf16", "amx_bf16", "aarch64"]

# Name -> options of graft-compile behind the model; TINY, REGRESSION, MINILM
# and TEACHER stand for checkpoint directories.
PROGRAMS = {
    "classes": ["TINY", "--classes=5"],
    "regression": ["REGRESSION", "--regression"],
    "dropout": ["TINY", "--classes=5", "--dropout=0.2",
                "--label-smoothing=0.1", "--clip=1"],
    "frozen": ["TINY", "--classes=5", "--freeze-embeddings",
               "--freeze-layers=1", "--decay-weights-only",
               "--layer-decay=0.9"],
    "probe": ["TINY", "--classes=5", "--linear-probe"],
    "distilled": ["TINY", "--student-layers=0", "--teacher=TEACHER",
                  "--pooler=none"],
    "budget": ["TINY", "--classes=5", "--max-tokens=512",
               "--max-sequences=16", "--memory-budget=800KB",
               "--memory-choices"],
    "minilm": ["MINILM", "--classes=26", "--pooler=none", "--max-tokens=768",
               "--max-sequences=32"],
}

# Name -> options of `graft`, with OUT for the folder that it writes.
JOBS = {
    "finetune": ["finetune", "--model=TINY", "--train=TABLE", "--epochs=1",
                 "--max-steps=6", "--output=OUT"],
    "bf16": ["finetune", "--model=TINY", "--train=TABLE", "--max-steps=6",
             "--precision=bf16", "--output=OUT"],
    "distill": ["distill", "--model=TINY", "--teacher=TEACHER",
                "--student-layers=0", "--train=TABLE", "--max-steps=6",
                "--output=OUT"],
}


def substitute(options, values):
    result = []
    for option in options:
        for name, value in values.items():
            option = option.replace(name, str(value))
        result.append(option)
    return result


def run(command, cache):
    # A build that was moved or copied still finds its own compiler.
    libraries = command[0].parent.parent / "lib"
    done = subprocess.run([str(word) for word in command], cwd=ROOT,
                          env={**os.environ, "GRAFT_CACHE": str(cache),
                               "LD_LIBRARY_PATH": str(libraries)},
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}\n{done.stderr}")


def prepare(base, work):
    """Makes the models, with scripts that the tests use."""
    inputs = ROOT / "test/e2e/Inputs"
    subprocess.run([sys.executable, inputs / "tiny_bert.py", work / "tiny"],
                   check=True, stdout=subprocess.DEVNULL)
    tiny = work / "tiny/model"
    # New kernels must be compiled anew.
    shutil.rmtree(work / "cache-new", ignore_errors=True)
    values = {"TINY": tiny, "REGRESSION": tiny,
              "TABLE": work / "tiny/train.tsv"}
    # A teacher is a classifier of its own: the tiny model, fine-tuned.
    teacher = work / "teacher_directory"
    if not (teacher / "config.json").exists():
        run([base / "bin/graft", "finetune", f"--model={tiny}",
             f"--train={values['TABLE']}", "--max-steps=2",
             f"--output={work / 'teacher'}"], work / "cache")
        run([base / "bin/graft", "export", work / "teacher/model.graft",
             f"--output={teacher}"], work / "cache")
    values["TEACHER"] = teacher
    if minilm := os.environ.get("GRAFT_MINILM"):
        values["MINILM"] = minilm
    return values


def commands(values, quick):
    """Pairs (name, command behind the tool with OUT for what it writes)."""
    levels = ["avx2", "amx_bf16"] if quick else LEVELS
    for name, options in PROGRAMS.items():
        if "MINILM" in options and "MINILM" not in values:
            print("left out: minilm, for GRAFT_MINILM names no model")
            continue
        for precision in ["fp32", "bf16", "fp16"]:
            # One processor level is as good as all for fp16.
            chosen = levels if precision != "fp16" else levels[:1]
            yield (f"{name}-{precision}", "graft-compile",
                   substitute(options, values) +
                   [f"--precision={precision}", "--targets",
                    ",".join(chosen), "--output=OUT/program.graft"])
    if not quick:
        for name, options in JOBS.items():
            yield f"train-{name}", "graft", substitute(options, values)


def spell(tool, arguments):
    """The arguments as this build has them: older ones call targets levels."""
    if "--targets" not in arguments:
        return arguments
    usage = subprocess.run([tool, "--help"], check=True, capture_output=True,
                           text=True).stdout
    if "--targets" in usage:
        return arguments
    return ["--cpu-levels" if word == "--targets" else word
            for word in arguments]


def artifacts(side, tool, name, arguments, work, quick):
    """The files that a command writes, by name; those of BASE are kept."""
    kept = work / "base" / (name + ("-quick" if quick else ""))
    if side == "new" or not kept.exists():
        # Both sides write to one path: it may be in what they write.
        out = work / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        run([tool, *substitute(spell(tool, arguments), {"OUT": out})],
            work / f"cache-{side}")
        if side == "base":
            kept.parent.mkdir(exist_ok=True)
            out.rename(kept)
    files = {path.name: path.read_bytes()
             for path in (kept if side == "base" else out).glob("*.graft")
             if not path.name.startswith("events.")}
    if not files:
        sys.exit(f"{name}: expects an artifact, got none")
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", help="compare this program or job alone")
    parser.add_argument("--work", type=pathlib.Path,
                        help="folder for what is made (default: a new one)")
    options = parser.parse_args()
    base, new = options.base.resolve(), options.new.resolve()
    for build in (base, new):
        if not (build / "bin/graft-compile").exists():
            parser.error(f"expects bin/graft-compile in {build}, got none")
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or pathlib.Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        values = prepare(base, work)
        compared, different = 0, []
        for name, tool, arguments in commands(values, options.quick):
            if options.only not in (None, name):
                continue
            pair = [artifacts(side, build / "bin" / tool, name, arguments, work,
                              options.quick)
                    for side, build in (("base", base), ("new", new))]
            for file in sorted(set(pair[0]) | set(pair[1])):
                compared += 1
                if pair[0].get(file) != pair[1].get(file):
                    different.append(f"{name}/{file}")
                    print(f"DIFFERS {name}/{file}", flush=True)
    if compared == 0:
        parser.error(f"expects the name of a program, got {options.only}")
    print(f"compared {compared} artifacts, {len(different)} differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
