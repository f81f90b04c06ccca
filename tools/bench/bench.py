#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares Graft with PyTorch, ONNX Runtime and OpenVINO on this machine, or
with another build of itself.

    bench.py [CASE...] [--pairs N] [--threads N,...] [--level LEVEL]
             [--quick] [--json FILE | --keep]
    bench.py [CASE...] --against COMMIT [--pairs N] [--threads N,...]
             [--level LEVEL] [--quick] [--json FILE]
    bench.py gemm --sweep [--pairs N] [--threads N,...] [--level LEVEL]
             [--quick] [--json FILE]
    bench.py --report | --check

A ratio is the peer's time, or bytes, over Graft's, so above 1 Graft is better:
the median of --pairs interleaved rounds, and its 95 % bootstrap interval. A
target holds when the upper end of the interval reaches it. --keep puts each
case's record into the folder of docs/results/bench/ for this kind of processor,
which needs a committed tree; --report writes docs/benchmarks.md from these, and
--check says whether it is up to date. Takes GRAFT_PEERS_PYTHON and GRAFT_MINILM
from the environment, as `./run bench` sets them.

--level measures code for fewer instructions than this processor has, and holds
PyTorch, with oneDNN and MKL, to them; peers that have no switch for that are
left out. Records of such runs are kept, and shown, apart.

--against builds COMMIT below build/against, or takes the build folder of
another checkout, and lets that build (base), this one (new) and a second copy
of this one (control) take turns; no other framework is needed. Here a ratio is
new over base, so above 1 this build is slower, or larger. A row is
  slower        the lower end of the ratio's interval is above 1.02, and above
                the upper end of A/A, that is control over new
  inconclusive  not that, but the interval of A/A leaves [1/1.02, 1.02]: equal
                builds differ as much as would have to be shown
  holds         else
  identical     both builds make the same kernels and commands, to the bit, so
                nothing is timed; answers to one text of 16 tokens are, where
                the runtime's own share is largest, and real texts, start-up
                and memory
Ends with 1 if a row is slower. What this tree is built from is compared,
committed or not. A row that takes long has fewer rounds than --pairs, but 5.
Rounds of the same two builds are kept: a run that was stopped goes on, and one
with more --pairs adds to them.

--sweep shows how fast GEMMs in vector registers would be, were they cut into
other blocks than the compiler chooses, and where its choice stands among those
(docs/performance.md). Takes long: hundreds of programs; 3 rounds by default.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import sys

import against
import common
from common import accept
import gemm
import infer
import memory
import real_text
import report
import sides
import start_up
import sweep
import train

CASES = {"infer": infer, "real-text": real_text, "train": train,
         "memory": memory, "start-up": start_up, "gemm": gemm}

# Long cases, which run with all processors unless --threads says otherwise.
ALL_THREADS = ("real-text", "train")
# Cases that run in bf16, too, where the processor has it.
PRECISE = ("infer", "real-text", "train", "gemm")
# Cases whose rows have a share of the compute peak.
WITH_PEAK = ("infer", "train", "gemm")


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expects at least 1, got {number}")
    return number


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE",
                        help=", ".join(CASES) + " (default: all)")
    parser.add_argument("--against", metavar="COMMIT",
                        help="compare with another build of Graft: a commit, "
                        "or a build folder\n(cases: "
                        + ", ".join(against.CASES) + ")")
    parser.add_argument("--pairs", type=positive,
                        help="rounds, each with a sample of every side "
                        "(default: 15; --sweep: 3)")
    parser.add_argument(
        "--threads", type=lambda text: [positive(n) for n in text.split(",")],
        help="counts to measure with (default: 1 and all processors; for "
        "real-text and train\nall)")
    parser.add_argument("--level", default="", metavar="LEVEL",
                        help="hold Graft and its peers to an ISA level: "
                        + ", ".join(reversed(common.MARCH)) + "\n(default: "
                        "the processor's)")
    parser.add_argument("--rows", type=positive, default=512,
                        help="texts of real-text (default: 512)")
    parser.add_argument("--quick", action="store_true",
                        help="an impression: 3 rounds, MiniLM, short runs")
    # For tests: a tiny model, with which times say nothing.
    parser.add_argument("--smoke", action="store_true",
                        help=argparse.SUPPRESS)
    parser.add_argument("--work", type=pathlib.Path,
                        help="for models and logs (default: build/bench, or "
                        "build/against)")
    parser.add_argument("--glosses", type=pathlib.Path,
                        default=common.ROOT / "build" / "glosses",
                        help="the quickstart's tables (default: build/glosses)")
    parser.add_argument("--json", type=pathlib.Path,
                        help="write a list of the cases' records; with "
                        "--against an\nobject with all rows")
    parser.add_argument("--keep", action="store_true",
                        help="put the records into docs/results/bench/KIND/")
    parser.add_argument("--sweep", action="store_true",
                        help="measure other blocks of GEMMs than the "
                        "compiler's")
    parser.add_argument("--report", action="store_true",
                        help="write docs/benchmarks.md from kept records")
    parser.add_argument("--check", action="store_true",
                        help="fail unless docs/benchmarks.md is up to date")
    arguments = parser.parse_args()
    for case in arguments.cases:
        if case not in CASES:
            parser.error(f"expects one of {', '.join(CASES)}, got {case}")
    flags = common.processor_flags()
    if arguments.level and not common.can_hold(arguments.level, flags):
        parser.error(f"--level: expects one of "
                     f"{', '.join(reversed(common.MARCH))} that this processor "
                     f"has, got {arguments.level}")
    if arguments.level == common.processor_kind(flags):
        arguments.level = ""  # It is held to that already.
    if arguments.against is not None:
        check_against(parser, arguments)
    if arguments.sweep:
        check_sweep(parser, arguments)
    arguments.pairs = arguments.pairs or (3 if arguments.sweep else 15)
    arguments.work = arguments.work or common.ROOT / "build" / (
        "bench" if arguments.against is None else "against")
    if arguments.keep and (arguments.quick or arguments.smoke):
        parser.error("--keep: expects a whole run, got --quick")
    if arguments.keep and accept.git("status", "--porcelain", "--",
                                     *accept.EXCEPT_RECORDS):
        parser.error("--keep: expects a committed tree, got local changes")
    return arguments


def refuse(parser, arguments, option, others):
    """Ends with an error of usage if one of `others` stands beside `option`."""
    for other in others:
        if getattr(arguments, other):
            parser.error(f"--{option}: expects no --{other}, got both")


def check_sweep(parser, arguments):
    """Ends with an error of usage if --sweep cannot be."""
    if arguments.cases != ["gemm"]:
        parser.error("--sweep: expects the case gemm alone, got "
                     + (" ".join(arguments.cases) or "all cases"))
    refuse(parser, arguments, "sweep", ("against", "keep", "report", "check"))


def check_against(parser, arguments):
    """Ends with an error of usage if --against cannot be."""
    refuse(parser, arguments, "against", ("keep", "report", "check"))
    for case in arguments.cases:
        if case not in against.CASES:
            parser.error(f"--against: expects one of "
                         f"{', '.join(against.CASES)}, got {case}")
    try:
        against.check_base(arguments.against)
    except ValueError as error:
        parser.error(f"--against: {error}")


def precisions_of(name, level, not_run):
    """The precisions that a case runs in; notes in `not_run` why one is left
    out."""
    if name not in PRECISE:
        return ("fp32",)
    why = None
    if "avx512_bf16" not in common.processor_flags():
        why = "this processor has no AVX-512 BF16"
    elif level in ("avx2", "avx512"):
        why = f"{level} has no bf16"
    if not why:
        return ("fp32", "bf16")
    not_run.append({"what": "bf16", "why": why})
    print(f"bf16: not run: {why}")
    return ("fp32",)


def run_case(name, settings):
    before = os.getloadavg()[0]
    print(f"== {name}: load {before:.1f} on {os.cpu_count()} processors",
          flush=True)
    # What is built now, whatever is committed while the case runs.
    commit = accept.git("rev-parse", "HEAD")
    not_run, versions = [], {}
    settings = dataclasses.replace(
        settings, precisions=precisions_of(name, settings.level, not_run),
        peaks={})
    if name in WITH_PEAK:
        # Before there are peers, whose threads spin while they wait.
        for threads in settings.threads:
            for precision in settings.precisions:
                settings.peak(threads, precision)
    rows, summaries = CASES[name].run(settings, not_run, versions)
    return common.make_record(name, commit, settings, rows, summaries, not_run,
                              versions, before)


def main():
    arguments = parse_arguments()
    if arguments.report:
        report.PAGE.write_text(report.text())
        return
    if arguments.check:
        if not report.is_current():
            sys.exit(f"{report.PAGE}: expects what `./run bench --report` "
                     "writes, got another text")
        return
    brief = arguments.quick or arguments.smoke
    processors = len(os.sched_getaffinity(0))
    settings = common.Settings(
        pairs=min(arguments.pairs, 1 if arguments.smoke else 3) if brief
        else arguments.pairs,
        threads=[],
        seconds=0 if arguments.smoke else 0.2, quick=arguments.quick,
        level=arguments.level,
        smoke=arguments.smoke, rows=64 if brief else arguments.rows,
        work=arguments.work.resolve(), glosses=arguments.glosses)
    settings.work.mkdir(parents=True, exist_ok=True)
    if settings.level:
        sides.hold(settings.level)
    if arguments.against is not None:
        sys.exit(against.run(
            arguments.against, arguments.cases or against.CASES,
            dataclasses.replace(settings, precisions=precisions_of(
                "infer", settings.level, [])), arguments.threads,
            arguments.json))
    if arguments.sweep:
        sweep.run(dataclasses.replace(
            settings, threads=arguments.threads or [1]), arguments.json)
        return
    for name in common.VARIABLES:
        print(f"{name}={os.environ.get(name, '(not set)')}")
    records = []
    for name in arguments.cases or CASES:
        counts = arguments.threads or sorted(
            {1} if arguments.smoke else {processors} if name in ALL_THREADS
            else {1, processors})
        records.append(run_case(
            name, dataclasses.replace(settings, threads=counts)))
        text = json.dumps(records[-1], indent=1) + "\n"
        (settings.work / f"{name}.json").write_text(text)
        if arguments.keep:
            kind = common.processor_kind(common.processor_flags())
            if settings.level:
                kind = f"{settings.level}-forced"
            path = report.path_of(name, kind)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            report.PAGE.write_text(report.text())
    if arguments.json:
        arguments.json.write_text(json.dumps(records, indent=1) + "\n")


if __name__ == "__main__":
    main()
