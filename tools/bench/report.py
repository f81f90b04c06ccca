# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""docs/benchmarks.md, from the records that `./run bench --keep` left."""

import json

import common
from common import accept
import sides

PAGE = common.ROOT / "docs" / "benchmarks.md"
FOLDER = accept.RESULTS / "bench"
TITLES = {
    "infer": "Inference on texts of one length",
    "real-text": "Real texts: 32 glosses per batch",
    "train": "Optimiser steps on texts of one length",
    "memory": "Memory",
    "start-up": "Start-up",
    "gemm": "GEMM",
}
KINDS = {"amx_bf16": "Processors with AMX (`amx_bf16`)",
         "avx512_bf16": "Processors with AVX-512 BF16 and without AMX "
                        "(`avx512_bf16`)",
         "avx512": "Processors with AVX-512 (`avx512`)",
         "avx2": "Processors with AVX2 (`avx2`)",
         "aarch64": "AArch64 (`aarch64`)", "other": "Other processors",
         **{f"{level}-forced": f"`{level}`, forced on a processor with more"
            for level in sides.HOLDING}}
NAMES = {"graft": "Graft", "pytorch": "PyTorch as installed",
         "pytorch_tuned": "PyTorch tuned",
         "pytorch_compiled": "torch.compile", "onnxruntime": "ONNX Runtime",
         "openvino": "OpenVINO", "onednn_packed": "oneDNN, packed once",
         "onednn": "oneDNN",
         "mkl": "MKL as installed", "mkl_tuned": "MKL tuned",
         "mkl_packed_tuned": "MKL tuned, packed once"}
# The page from this line on is written by hand, and kept.
BY_HAND = "## By kind of processor\n"
INTRODUCTION = """# Benchmarks

Written by `./run bench --report` from the records in `docs/results/bench/`, one
for each case and kind of processor. Edit only the last section, [By kind of
processor](#by-kind-of-processor).

`./run bench` installs the frameworks that Graft is compared with, in the versions
of `tools/bench/peers.txt`, and runs each in a process of its own. Runs are
interleaved: a round has one sample of each, in an order that rotates, and a sample
is the median of some runs. A ratio is the peer's time, or bytes, over Graft's in
the same round, so above 1 Graft is better: the median over all rounds, with its
95 % bootstrap interval. A target holds when the upper end of the interval reaches
it. Every run is in the record, and none was picked.

- Peers run with their best settings: inference mode, threads counted, shapes
  compiled where texts have one length, no mask where nothing is padded (except for
  ONNX Runtime, which fuses attention only with one), what ONNX Runtime's own tool
  fuses, OpenVINO for latency.
- On AMD processors MKL, inside PyTorch, runs code for older processors. *Tuned* is
  PyTorch with a preloaded library that tells MKL that the processor is from Intel;
  a user gets the other one. `torch.compile` is tuned, too; for inference its
  weights are frozen.
- In bf16, which is measured where the processor has AVX-512 BF16 (and AMX), Graft
  and PyTorch train with fp32 master weights, PyTorch by its autocast; for inference
  PyTorch has weights of bf16, OpenVINO its precision hint.
- With `--level LEVEL` programs, PyTorch, oneDNN and MKL are held to fewer
  instructions than the processor has; peers that have no switch for that are left
  out, and the title says *forced*. That shows code, not another processor: caches
  and units stay.
- Before a comparison the logits are compared; none may differ by more than 1e-3, in
  bf16 by 0.1. Cases of training and of gradients compare none.
- The percentage is of the compute peak: the multiply-adds of this precision that a
  loop without memory reaches on this machine, with as many threads, in the same run.
  FLOPs are counted as `graft plan` counts them, without those on padding.
- MiniLM-L6 has its weights and a random classifier of 26 classes; BERT-base has
  random weights, on which time does not depend.
- The GEMMs are chains through weights that Graft packs once: a row of a table for
  each token, the GEMMs, a classifier of the first row. oneDNN and MKL are those
  inside PyTorch, called as `torch.compile` calls them for frozen weights (*packed
  once*), or by `torch.mm`. *Gradients* is the forward pass with the gradients of all
  weights, added to fp32, and of the inputs of all GEMMs but the first; weights are
  new in each run there, so packing is in its time.
"""
AGAINST = """## Against another commit

`./run bench [CASE...] --against COMMIT` shows what a change costs. It builds the
commit's tools in `build/against/`, and needs none of the frameworks above:

    ./run bench --against HEAD~1
    ./run bench infer start-up --against main --pairs 45
    ./run bench --against ../other-checkout/build --quick

Three builds take turns: the commit (base), this tree as it is, committed or not
(new), and a second copy of it (control). A row's ratio is new over base, so above
1 this tree is slower or larger; its A/A ratio is control over new.

| verdict | when |
|---|---|
| slower | the lower end of the ratio's interval is above 1.02, and above the upper end of A/A; the command then ends with 1 |
| inconclusive | not slower, but A/A leaves [1/1.02, 1.02]: equal builds differ by as much as would have to be shown. More `--pairs`, or a quieter machine, help |
| holds | neither |
| identical | both builds make the same kernels and the same commands, to the bit: nothing is timed |

Where programs are identical, predictions for one text of 16 tokens are timed
nevertheless, because the runtime's own share is largest there, and so are whole
jobs on real texts, memory and start-up. A program is identical when the artifacts
are equal files, or when the ELF files in them and the commands that `graft inspect`
lists are. A sample is the median of `graft bench`, the training time of `graft
finetune`, or the time or the peak of memory of a whole process; the list of all
commands that a build must know is at the top of `tools/bench/builds.py`. Rows that
take long have fewer rounds than `--pairs`, but 5. What was measured of two builds
stays in `build/against/`, so a run that was stopped goes on, and one with more
`--pairs` adds rounds.
"""


def amount(row, value):
    return common.AMOUNTS[row["unit"]](value)


def cell(row, name):
    if name not in row["medians"]:
        return "-"
    words = [amount(row, row["medians"][name])]
    if "share_of_peak" in row:
        words.append(f"({100 * row['share_of_peak'][name]:.0f} %)")
    if name in row["ratios"]:
        ratio = row["ratios"][name]
        text = (f"{ratio['median']:.2f} [{ratio['low']:.2f}, "
                f"{ratio['high']:.2f}]")
        words.append(f"**{text}**" if name == row["best"] else text)
    return " ".join(words)


def targets(row):
    names = {**NAMES, "best": "the best"}
    return "; ".join(
        f"{goal['least']} of {names.get(goal['against'], goal['against'])}: "
        + ("holds" if goal["holds"] else "**missed**")
        for goal in row["targets"])


def table(record):
    columns = list(dict.fromkeys(
        name for row in record["rows"] for name in row["medians"]))
    head = ["model", "work", "precision", "threads",
            *(NAMES.get(name, name) for name in columns), "target"]
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in record["rows"]:
        yield "| " + " | ".join([
            row["model"], row["work"], row["precision"],
            str(row["threads"]),
            *(cell(row, name) for name in columns), targets(row)]) + " |"


def section(case, records):
    """Of a case, with its records by kind of processor."""
    yield f"## {TITLES[case]}\n"
    if not records:
        yield f"`./run bench {case} --keep`: no record yet.\n"
    for kind, record in records.items():
        yield f"### {KINDS.get(kind, kind)}\n"
        yield from results(case, record)


def results(case, record):
    peaks = ", ".join(f"{value:.0f} {what}" for what, value in
                      record["peak_gflops"].items())
    versions = ", ".join(f"{name} {version}" for name, version in
                         sorted(record["versions"].items()))
    # Records of before have none.
    level = record.get("level") and f" --level {record['level']}"
    yield (f"`./run bench {case}{level or ''} --keep` at {record['commit'][:12]}, "
           f"{record['date']}; {record['pairs']} pairs; "
           f"{record['processor']}, {' '.join(record['flags'])}; peak "
           f"in GFLOP/s by precision and threads: {peaks or 'not needed'}; load "
           f"{record['load_before']:.1f} before and "
           f"{record['load_after']:.1f} after; {versions}. In **bold**: the "
           "best peer.\n")
    preset = [f"{name}={value}" for name, value in
              record["environment"].items() if value is not None]
    if preset:
        yield f"Preset: {', '.join(preset)}.\n"
    yield from table(record)
    yield ""
    for summary in record["summaries"]:
        yield (f"- {summary['model']}, {summary['precision']}, "
               f"{summary['threads']} threads, "
               f"geometric mean over the best peers: "
               f"{summary['median']:.2f} [{summary['low']:.2f}, "
               f"{summary['high']:.2f}] {targets(summary)}".rstrip())
    largest = {}
    for row in record["rows"]:
        for name, value in row.get("differences", {}).items():
            largest[name] = max(largest.get(name, 0), value)
    if largest:
        yield "- Largest difference of a logit: " + ", ".join(
            f"{NAMES[name]} {value:.1e}" for name, value in largest.items())
    for entry in record["not_run"]:
        yield (f"- {NAMES.get(entry['what'], entry['what'])}: not run: "
               f"{entry['why']}")
    yield ""


def path_of(case, kind):
    """Of a case's record on this kind of processor."""
    return FOLDER / kind / f"{case}.json"


def records_of(case):
    return {kind: json.loads(path_of(case, kind).read_text())
            for kind in KINDS if path_of(case, kind).exists()}


def text():
    parts = [INTRODUCTION]
    for case in TITLES:
        parts.append("\n".join(section(case, records_of(case))))
    parts.append(AGAINST)
    return "\n".join(parts).rstrip() + "\n" + accept.results.by_hand(PAGE, BY_HAND)


def is_current():
    return PAGE.exists() and PAGE.read_text() == text()
