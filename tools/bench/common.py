# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""What all cases share: pairs, ratios with their interval, rows, records."""

import dataclasses
import datetime
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools" / "dev"))
import accept  # noqa: E402, which is beside the other scripts

VARIABLES = ("OMP_NUM_THREADS", "OMP_PROC_BIND", "KMP_AFFINITY",
             "MKL_NUM_THREADS", "MKL_DYNAMIC", "OPENBLAS_NUM_THREADS",
             "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "ONEDNN_MAX_CPU_ISA",
             "MKL_ENABLE_INSTRUCTIONS", "ATEN_CPU_CAPABILITY",
             "GRAFT_CPU_LEVEL")
FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16")
# Kinds of processors, each with the flag that it has: ISA levels of Graft, the
# most capable first.
KINDS = {"amx_bf16": "amx_bf16", "avx512_bf16": "avx512_bf16",
         "avx512": "avx512f", "avx2": "avx2", "aarch64": "asimd"}
# What a compiler calls the instructions of each level.
MARCH = {"amx_bf16": ("x86-64-v4", "-mavx512bf16", "-mavx512vnni",
                      "-mamx-tile", "-mamx-bf16"),
         "avx512_bf16": ("x86-64-v4", "-mavx512bf16", "-mavx512vnni"),
         "avx512": ("x86-64-v4",), "avx2": ("x86-64-v3",)}
RESAMPLES = 5000


@dataclasses.dataclass
class Settings:
    pairs: int
    threads: list[int]
    seconds: float  # of the runs behind a sample, about
    quick: bool
    smoke: bool
    work: pathlib.Path
    glosses: pathlib.Path  # the quickstart's tables
    rows: int  # texts of real-text
    precisions: tuple = ("fp32",)
    level: str = ""  # that all are held to, below the processor's; or empty
    peaks: dict = dataclasses.field(default_factory=dict)

    def peak(self, threads, precision="fp32"):
        """GFLOP/s of multiply-adds, measured once a run."""
        key = f"{precision} {threads}"
        if key not in self.peaks:
            program = self.work / "peak"
            march, *more = MARCH[self.level] if self.level else ("native",)
            run("clang-22", "-O3", f"-march={march}", *more,
                "-ffp-contract=fast",
                ROOT / "tools/bench/peak.c", "-o", program, "-lpthread")
            self.peaks[key] = float(run(program, threads, precision))
        return self.peaks[key]

    @property
    def targets(self):
        """Options of commands that compile."""
        return ("--targets", self.level) if self.level else ()


class Unavailable(Exception):
    """Why something is not run."""


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, **options)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))}: exit code "
                 f"{done.returncode}\n{done.stderr}")
    return done.stdout


def processor_flags():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return set()
    return {word for line in text.splitlines()
            if line.startswith(("flags", "Features")) for word in line.split()}


def processor_kind(flags):
    """The kind of a processor with these flags; `other`: none of ours."""
    return next((kind for kind, flag in KINDS.items() if flag in flags),
                "other")


def can_hold(level, flags):
    """Whether a processor with these flags has all of a level."""
    levels = list(KINDS)
    kind = processor_kind(flags)
    return (level in MARCH and kind in MARCH and
            levels.index(level) >= levels.index(kind))


def alternate(samplers, pairs):
    """Calls each of {name: function} once a round, in an order that rotates,
    so that a machine that slows down slows all. Samples by name."""
    samples = {name: [] for name in samplers}
    for number in range(pairs):
        take_round(samplers, number, samples)
    return samples


def take_round(samplers, number, samples):
    """Appends one sample of each in the order of round `number`."""
    names = list(samplers)
    first = number % len(names)
    for name in names[first:] + names[:first]:
        samples[name].append(samplers[name]())


def duration(seconds):
    """Seconds in words, for times that are left."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min"


def show_progress(text, is_last):
    """Keeps one line of a terminal up to date; writes nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r{text}", end="\n" if is_last else "", file=sys.stderr,
              flush=True)


def sampler(side, work, seconds):
    """A function that gives the median seconds of as many runs of `work` as
    fill about `seconds`, after one that wakes caches and threads, unless a
    run is so long that this does not matter."""
    side.run(work, 1)
    single = side.run(work, 1)[0]
    runs = max(1, min(50, math.ceil(seconds / single)))
    first = 0 if single > 5 * seconds else 1

    def sample():
        return statistics.median(side.run(work, first + runs)[first:])
    return sample


def race(sides, work, settings):
    """Samples of the same work by name."""
    return alternate({side.name: sampler(side, work, settings.seconds)
                      for side in sides}, settings.pairs)


def interval(values):
    """Median, and the bounds of its 95 % bootstrap interval."""
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(values, k=len(values)))
                     for _ in range(RESAMPLES))
    return {"median": statistics.median(values),
            "low": medians[int(0.025 * RESAMPLES)],
            "high": medians[int(0.975 * RESAMPLES)]}


def make_row(what, samples, *, unit="seconds", flops=None, peak=None,
             targets=None, **more):
    """A row of a record. Ratios are the peer's sample over Graft's, pair by
    pair: above 1 Graft takes less. `targets` has the least ratio wanted against
    a peer, or against the `best`."""
    medians = {name: statistics.median(values)
               for name, values in samples.items()}
    peers = [name for name in samples if name != "graft"]
    pairs = {name: [theirs / ours for ours, theirs in
                    zip(samples["graft"], samples[name])] for name in peers}
    row = {**what, "unit": unit, **more, "samples": samples,
           "medians": medians,
           "ratios": {name: interval(pairs[name]) for name in peers}}
    if flops:
        row["gflops"] = {name: flops / seconds / 1e9
                         for name, seconds in medians.items()}
        row["share_of_peak"] = {name: rate / peak
                                for name, rate in row["gflops"].items()}
    if peers:
        row["best"] = min(peers, key=medians.get)
    row["targets"] = [
        make_target(against, least,
                    row["ratios"][row["best"] if against == "best"
                                  else against])
        for against, least in (targets or {}).items()
        if against == "best" and peers or against in peers]
    return row


def make_target(against, least, ratio):
    """Whether the upper end of the interval reaches it."""
    return {"against": against, "least": least,
            "holds": ratio["high"] >= least}


def geometric_mean(rows, what, target=None):
    """Of the ratios to each row's best peer, pair by pair. Ends the run when no
    peer took part, as there is nothing to compare then."""
    if not all("best" in row for row in rows):
        sys.exit("bench: expects a peer in each row, got none; what was not "
                 "run is told above")
    count = min(len(row["samples"]["graft"]) for row in rows)
    means = []
    for i in range(count):
        ratios = [row["samples"][row["best"]][i] / row["samples"]["graft"][i]
                  for row in rows]
        means.append(math.exp(sum(map(math.log, ratios)) / len(ratios)))
    ratio = interval(means)
    return {**what, **ratio, "targets":
            [make_target("best", target, ratio)] if target else []}


AMOUNTS = {"seconds": lambda value: f"{1000 * value:.2f} ms",
           "bytes": lambda value: f"{value / 1e6:.0f} MB"}


def describe(row):
    """The row as lines of text."""
    threads = row["threads"]
    what = "  ".join([row["model"], row["work"], row["precision"],
                      f"{threads} thread{'s' * (threads > 1)}"])
    lines = [what]
    for name, median in row["medians"].items():
        words = [f"  {name:18} {AMOUNTS[row['unit']](median):>12}"]
        if "gflops" in row:
            words.append(f"{row['gflops'][name]:8.1f} GFLOP/s "
                         f"{100 * row['share_of_peak'][name]:3.0f} %")
        if name in row["ratios"]:
            ratio = row["ratios"][name]
            words.append(f"  {ratio['median']:.2f} [{ratio['low']:.2f}, "
                         f"{ratio['high']:.2f}]"
                         + (" best" if name == row["best"] else ""))
        lines.append(" ".join(words))
    for target in row["targets"]:
        lines.append(f"  target: {target['least']} of {target['against']}, "
                     + ("holds" if target["holds"] else "missed"))
    return "\n".join(lines)


def make_record(case, commit, settings, rows, summaries, not_run, versions,
                before):
    return {
        "case": case, "commit": commit,
        "changed": bool(accept.git("status", "--porcelain", "--",
                                   *accept.EXCEPT_RECORDS)),
        "date": datetime.datetime.now(
            datetime.timezone.utc).isoformat(timespec="seconds"),
        "level": settings.level, "pairs": settings.pairs, "quick": settings.quick,
        "smoke": settings.smoke,
        "processor": accept.processor(),
        "flags": sorted(processor_flags() & set(FLAGS)),
        "peak_gflops": dict(sorted(settings.peaks.items())),
        "environment": {name: os.environ.get(name) for name in VARIABLES},
        "load_before": before, "load_after": os.getloadavg()[0],
        "versions": versions, "rows": rows, "summaries": summaries,
        "not_run": not_run,
    }
