# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Every command on a tiny job: what it runs on, and what it writes."""

import dataclasses
import os
import pathlib
import shutil
import struct
import subprocess
import sys

INPUTS = pathlib.Path(__file__).resolve().parents[1]
STRATEGIES = INPUTS.parents[2] / "models" / "strategies"
sys.path.insert(0, str(INPUTS))
import doc_folder  # noqa: E402
import tiny_bert  # noqa: E402


@dataclasses.dataclass
class Command:
    name: str
    words: list          # run in a copy of the world
    # Files and folders that it may write; the first is that of --output.
    outputs: list = dataclasses.field(default_factory=list)
    # Of them, those with the same bytes each time.
    same: list = dataclasses.field(default_factory=list)
    trains: bool = False  # into the folder `run`: --overwrite, --resume
    prints: bool = True   # on standard output
    times: bool = False   # prints other numbers each time
    read: str = ""        # standard input


RUN = ["--batch-size", "8", "--threads", "1", "--log-every", "1", "--quiet",
       "--checkpoint-every", "2"]
TRAIN = ["graft", "finetune", "--model", "model", "--train", "train.tsv",
         "--dev", "dev.tsv", "--evaluate-every", "2", *RUN, "--output"]
DISTIL = ["graft", "distill", "--teacher", "other/model.graft", "--model",
          "model", "--train", "train.tsv", *RUN, "--output"]
PAGE = ["graft", "train", "page.mlir", "--model", "model=model", "--data",
        "train=train.tsv", *RUN, "--output"]
COMPILE = ["graft-compile", "model", "--classes", "3", "--cache", "cache",
           "--dump-stages", "stages", "-o", "old.graft"]
MODEL = ["run/model.graft"]
COMMANDS = [
    Command("finetune", [*TRAIN, "run"], ["run"], MODEL, trains=True),
    Command("resume", [*TRAIN, "run", "--resume"], ["run"], MODEL,
            trains=True),
    Command("distill", [*DISTIL, "run"], ["run"], MODEL, trains=True),
    Command("train", [*PAGE, "run"], ["run"], MODEL, trains=True),
    Command("predict", ["graft", "predict", "other/model.graft", "--data",
                        "dev.tsv", "--json"]),
    Command("predict-output",
            ["graft", "predict", "other/model.graft", "--data", "dev.tsv",
             "--output", "old.jsonl"], ["old.jsonl"], ["old.jsonl"],
            prints=False),
    Command("evaluate", ["graft", "evaluate", "other/model.graft", "--data",
                         "dev.tsv", "--picture", "old.svg"],
            ["old.svg"], ["old.svg"]),
    Command("evaluate-pairs", ["graft", "evaluate", "pairs/model.graft",
                               "--data", "pairs.tsv", "--json"]),
    Command("inspect", ["graft", "inspect", "other/model.graft", "--json"]),
    Command("export", ["graft", "export", "other/model.graft", "--output",
                       "exported"], ["exported"],
            ["exported/model.safetensors", "exported/config.json",
             "exported/tokenizer.json"]),
    Command("export-into", ["graft", "export", "other/model.graft",
                            "--output", "empty"], ["empty"],
            ["empty/model.safetensors", "empty/config.json",
             "empty/tokenizer.json"]),
    Command("export-adapter", ["graft", "export", "adapted/model.graft",
                               "--adapter", "peft"], ["peft"],
            ["peft/adapter_model.safetensors", "peft/adapter_config.json",
             "peft/labels.json"]),
    Command("import", ["graft", "import", "model", "--classes", "3", "-o",
                       "old.mlir"], ["old.mlir"], ["old.mlir"], prints=False),
    Command("plan", ["graft", "plan", "--model", "model", "--train",
                     "train.tsv"]),
    Command("bench", ["graft", "bench", "other/model.graft", "--batch", "1",
                      "--length", "8", "--seconds", "0.05", "--threads", "1",
                      "--json"], times=True),
    Command("compile", COMPILE, ["old.graft", "cache", "stages"],
            ["old.graft"], prints=False),
    Command("emit", ["graft-compile", "model", "--classes", "3", "--emit",
                     "strategy", "-o", "-"]),
    Command("run", ["graft-run", "other/model.graft", "--entry", "predict",
                    "--inputs", "batch.safetensors", "--outputs",
                    "old.safetensors", "--slots-out", "slots.safetensors",
                    "--trace", "trace.json", "--profile"],
            ["old.safetensors", "slots.safetensors", "trace.json"],
            ["old.safetensors", "slots.safetensors"], times=True),
    Command("run-requests", ["graft-run", "other/model.graft", "--entry",
                             "predict", "--requests"],
            ["answer.safetensors"], ["answer.safetensors"], times=True,
            read='{"inputs": ["batch.safetensors"], "runs": 1, "outputs": '
                 '"answer.safetensors"}\n'),
]


def write_pairs(path):
    rows = [f"{word} w1\t{word} w2\t{word}" for word in ("cat", "oak")] * 8
    path.write_text("\n".join(["first\tsecond\tlabel", *rows]) + "\n")


def with_fault(library, state, at, stays=False):
    """The environment in which write number `at` fails. `state` becomes a file
    that counts writes (count_writes)."""
    state.write_bytes(bytes(16))
    environment = {**os.environ, "LD_PRELOAD": str(library),
                   "GRAFT_FAULT_AT": str(at), "GRAFT_FAULT_STATE": str(state)}
    return {**environment, "GRAFT_FAULT_STAYS": "1"} if stays else environment


def count_writes(state):
    """How many there were, and how many of them failed."""
    return struct.unpack("<2q", state.read_bytes())


def stop_run(path, library):
    """Leaves a run in `path`/run that a full disk stopped midway."""
    state, run, at = path / "state", path / "run", sys.maxsize
    while at > 0:
        subprocess.run([*TRAIN, "run", "--overwrite"], cwd=path,
                       capture_output=True,
                       env=with_fault(library, state, at))
        at = min(at, count_writes(state)[0]) - 2
        if not run.exists() or (run / "model.graft").exists():
            continue
        if [path.name for path in run.glob("checkpoint-*.safetensors")] == [
                "checkpoint-000000002.safetensors"]:
            state.unlink()
            return
    sys.exit("expects to stop a run after its first checkpoint")


def make_world(path, library):
    """A model, tables, runs that are over and one that stopped, old outputs.
    """
    tiny_bert.write(path, layers=2, rows=40)
    rows = (path / "test.tsv").read_text().splitlines()[:20]
    (path / "dev.tsv").write_text("\n".join(rows) + "\n")
    write_pairs(path / "pairs.tsv")
    doc_folder.write_integers(path / "batch.safetensors", {
        "ids": [2, 5, 6, 3], "types": [0] * 4, "segments.offsets": [0, 4]})
    shutil.copy(STRATEGIES / "finetune.mlir", path / "page.mlir")
    for command in (
            [*TRAIN, "other"],
            ["graft", "finetune", "--model", "model", "--train", "pairs.tsv",
             "--text-column", "first", "--pair-column", "second", "--quiet",
             "--threads", "1", "--output", "pairs"],
            ["graft", "finetune", "--method", "lora", "--model", "model",
             "--train", "train.tsv", "--quiet", "--threads", "1", "--output",
             "adapted"], COMPILE):
        subprocess.run(command, cwd=path, check=True, capture_output=True)
    # A cache that lacks a few kernels.
    for kernel in sorted((path / "cache").glob("llvmcache-*"))[:2]:
        kernel.unlink()
    shutil.rmtree(path / "stages")
    (path / "empty").mkdir()
    for name in ("old.jsonl", "old.mlir", "old.graft", "old.svg",
                 "old.safetensors"):
        (path / name).write_text("old\n")
    stop_run(path, library)
    # Only one command resumes it.
    (path / "run").rename(path / "stopped")
