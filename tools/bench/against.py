# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares this build of Graft with another one, with a control.

Three builds take turns: the other one (base), this one (new) and a second copy
of this one (control). A row's ratio is new over base, its A/A ratio control
over new, each the median over all rounds with its 95 % bootstrap interval;
above 1 is slower, or larger. A row is

    slower        the ratio's lower end is above LIMIT, and above the upper end
                  of A/A,
    inconclusive  not that, but A/A leaves [1 / LIMIT, LIMIT]: what would have
                  to be shown is no more than what this machine shows between
                  equal builds,
    holds         else,
    identical     not timed: both builds make the same kernels and commands, to
                  the bit.
"""

import csv
import dataclasses
import functools
import json
import os
import pathlib
import statistics
import sys
import time
import typing

import builds
import checkpoints
import common
from common import accept
import infer
import memory
import train

LIMIT = 1.02
CASES = ("infer", "real-text", "train", "memory", "start-up")
SIDES = ("base", "new", "control")
# A row takes about as many seconds for each of --pairs at most, but has as many
# rounds at least.
ROUND_SECONDS, LEAST_ROUNDS = 12, 5
TEXTS = "texts.tsv"
CURRENT = common.ROOT / "build"


def verdict(ratio, control, limit=LIMIT):
    """Of a row with these intervals; see above."""
    if ratio["low"] > limit and ratio["low"] > control["high"]:
        return "slower"
    if control["high"] > limit or control["low"] < 1 / limit:
        return "inconclusive"
    return "holds"


@dataclasses.dataclass
class Row:
    case: str
    model: str
    work: str
    threads: int
    precision: str
    sample: typing.Callable  # a build's name -> seconds or bytes
    weight: float  # seconds of a sample, guessed
    unit: str = "seconds"
    # Not timed where the program of both builds is the same.
    kernels: bool = False

    @property
    def name(self):
        return "  ".join((self.case, self.model, self.work, self.precision,
                          f"{self.threads} thread"
                          f"{'s' * (self.threads > 1)}"))


@dataclasses.dataclass
class Group:
    """Rows of one program. `prepare` makes it and says whether it is identical
    in both builds; `finish` removes it."""
    rows: list
    prepare: typing.Callable = lambda: False
    finish: typing.Callable = lambda: None


class Program:
    """An artifact of each build, compiled when it is first needed."""

    def __init__(self, sides, settings, model, **options):
        self.sides, self.folder = sides, settings.work
        self.targets = settings.targets
        self.model, self.options = model, options

    def path(self, side):
        # Both copies of this build run one file.
        return self.folder / ("base" if side == "base" else "new") / (
            "-".join(map(str, (self.model.name, *self.options.values())))
            + ".graft")

    def prepare(self):
        for side in ("base", "new"):
            build, path = self.sides[side], self.path(side)
            path.parent.mkdir(parents=True, exist_ok=True)
            build.run(*builds.compile_command(
                self.model, path, cache=build.cache, targets=self.targets,
                **self.options))
        return builds.are_identical(
            self.sides["base"], self.path("base"), self.sides["new"],
            self.path("new"))

    def finish(self):
        for side in ("base", "new"):
            self.path(side).unlink(missing_ok=True)


class Plan:
    """The groups of rows of each case."""

    def __init__(self, sides, settings, threads):
        self.sides, self.settings = sides, settings
        self.chosen = threads
        processors = len(os.sched_getaffinity(0))
        self.few = threads or sorted({1, processors})
        self.all = threads or [processors]
        self.texts = settings.work / TEXTS

    @functools.cached_property
    def models(self):
        folder = self.settings.work / "models"
        if self.settings.smoke:
            return [checkpoints.write(folder / "tiny", checkpoints.TINY)]
        minilm = pathlib.Path(accept.setting("GRAFT_MINILM"))
        link = folder / "minilm-l6"
        folder.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(minilm.resolve())
        if self.settings.quick:
            return [link]
        return [link, checkpoints.write(folder / "bert-base",
                                        checkpoints.BERT_BASE, minilm)]

    def groups(self, case):
        return {"infer": self.infer, "real-text": self.real_text,
                "train": self.train, "memory": self.memory,
                "start-up": self.start_up}[case]()

    def program(self, model, **options):
        return Program(self.sides, self.settings, model, **options)

    def bench_rows(self, case, program, model, precision, counts, shapes,
                   work="", train=False):
        for threads in counts:
            for number, (texts, length) in enumerate(shapes):
                def sample(side, texts=texts, length=length, threads=threads):
                    return self.sides[side].bench(
                        program.path(side), texts=texts, length=length,
                        threads=threads, train=train,
                        seconds=self.settings.seconds)
                yield Row(case, model.name, f"{texts}x{length}{work}", threads,
                          precision, sample,
                          guess(model, texts * length * (3 if train else 1),
                                threads, precision, self.settings.seconds),
                          # The smallest answer is timed in any case: the
                          # runtime's own share is largest there.
                          kernels=train or number > 0)

    def infer(self):
        shapes = ((1, 16), (2, 16)) if self.settings.smoke else infer.SHAPES
        for model in self.models:
            for precision in self.settings.precisions:
                program = self.program(
                    model, precision=precision,
                    tokens=max(b * n for b, n in shapes),
                    sequences=max(b for b, _ in shapes))
                yield Group(list(self.bench_rows(
                    "infer", program, model, precision, self.few, shapes)),
                    program.prepare, program.finish)

    def train(self):
        shapes = ((2, 16),) if self.settings.smoke else train.SHAPES
        for model in self.models:
            for precision in self.settings.precisions:
                for dropout in (0.1, 0.0):
                    program = self.program(
                        model, precision=precision, dropout=dropout,
                        tokens=max(b * n for b, n in shapes),
                        sequences=max(b for b, _ in shapes))
                    yield Group(list(self.bench_rows(
                        "train", program, model, precision, self.all, shapes,
                        f", dropout {dropout}", train=True)),
                        program.prepare, program.finish)

    def real_text(self):
        """Whole jobs on texts of all lengths: tables, tokens, batches."""
        model = self.models[0]
        count = self.settings.rows
        for precision in self.settings.precisions:
            for threads in self.all:
                folders = {side: self.settings.work / f"tuned-{side}"
                           for side in SIDES}

                def finetune(side, precision=precision, threads=threads,
                             folders=folders):
                    return self.sides[side].finetune(
                        model, self.texts, folders[side],
                        precision=precision, threads=threads,
                        targets=self.settings.targets)

                def predict(side, threads=threads, folders=folders):
                    return self.sides[side].seconds(
                        "graft", "predict", folders[side] / "model.graft",
                        "--data", self.texts, "--output",
                        self.settings.work / "predictions.jsonl", "--threads",
                        threads)

                def prepare(finetune=finetune):
                    self.write_texts()
                    for side in SIDES:
                        finetune(side)
                    return False

                seconds = guess(model, 20 * count, threads, precision, 0) / 7
                yield Group([
                    Row("real-text", model.name, f"fine-tuning, {count} texts",
                        threads, precision, finetune, 3 * seconds),
                    Row("real-text", model.name, f"prediction, {count} texts",
                        threads, precision, predict, seconds)], prepare)

    def write_texts(self):
        """The first texts of the quickstart's table."""
        if self.settings.smoke:
            rows = [{"label": f"l{i % 3}", "text": " ".join(
                f"w{(i * 31 + j) % 500}" for j in range(1 + i % 20))}
                for i in range(self.settings.rows)]
        else:
            with open(self.settings.glosses / "train.tsv", encoding="utf-8",
                      newline="") as file:
                rows = list(csv.DictReader(
                    file, delimiter="\t",
                    quoting=csv.QUOTE_NONE))[:self.settings.rows]
        with open(self.texts, "w", encoding="utf-8") as file:
            file.write("label\ttext\n")
            for row in rows:
                file.write(f"{row['label']}\t{row['text']}\n")

    def memory(self):
        model, threads = self.models[0], max(self.all)
        texts, length = (2, 16) if self.settings.smoke else (16, 128)
        program = self.program(model, tokens=texts * length, sequences=texts)

        def training(side):
            return self.sides[side].peak(*builds.bench_command(
                program.path(side), texts=texts, length=length,
                threads=threads, train=True))

        def first(side):
            return self.sides[side].peak(*self.predict_text(program, side,
                                                            threads))
        yield Group([
            Row("memory", model.name, f"training {texts}x{length}", threads,
                "fp32", training,
                guess(model, 3 * texts * length, threads, "fp32", 0),
                "bytes"),
            Row("memory", model.name, "until the first answer", threads,
                "fp32", first, 0.5, "bytes")], program.prepare, program.finish)

    def predict_text(self, program, side, threads):
        return ("graft", "predict", program.path(side), "--text", memory.TEXT,
                "--threads", threads)

    def start_up(self):
        model, threads = self.models[0], max(self.all)
        options = {"tokens": 768, "sequences": 32}
        program = self.program(model, **options)

        def compiling(cached):
            def sample(side):
                build = self.sides[side]
                return build.seconds(*builds.compile_command(
                    model, self.settings.work / "compiled.graft",
                    cache=build.cache if cached else "",
                    targets=self.settings.targets, **options))
            return sample

        yield Group([
            Row("start-up", model.name, "compile, from nothing", threads,
                "fp32", compiling(False), 1 if self.settings.smoke else 15),
            Row("start-up", model.name, "compile, from the cache", threads,
                "fp32", compiling(True), 1),
            Row("start-up", model.name, "load and predict a text", threads,
                "fp32", lambda side: self.sides[side].seconds(
                    *self.predict_text(program, side, threads)), 0.5)],
            program.prepare, program.finish)


def guess(model, tokens, threads, precision, seconds):
    """Seconds of `graft bench`, which runs seven times or more, in round
    numbers of this decade's processors. Only shares matter: what was measured
    corrects them."""
    config = json.loads((model / "config.json").read_text())
    width = config["hidden_size"]
    flops = 2 * tokens * config["num_hidden_layers"] * (
        4 * width * width + 2 * width * config["intermediate_size"])
    rate = threads * (400e9 if precision == "bf16" else 100e9)
    return 0.3 + max(seconds, 7 * flops / rate)


class Kept:
    """What was measured of the same two builds, in a file that grows with each
    round."""

    def __init__(self, path):
        self.path = path
        self.rows = json.loads(path.read_text()) if path.exists() else {}

    def of(self, row):
        return self.rows.setdefault(row.name, {
            "identical": False, "seconds": 0,
            "samples": {side: [] for side in SIDES}})

    def rounds(self, row):
        return min(map(len, self.of(row)["samples"].values()))

    def is_done(self, row, pairs):
        """Whether there are as many rounds, or as many as time allows."""
        entry, done = self.of(row), self.rounds(row)
        return (entry["identical"] or done >= pairs or
                done >= LEAST_ROUNDS and
                entry["seconds"] * (done + 1) / done > pairs * ROUND_SECONDS)

    def save(self):
        aside = self.path.with_suffix(".part")
        aside.write_text(json.dumps(self.rows))
        aside.replace(self.path)


class Clock:
    """How long what is left will take, from what was guessed and measured."""

    def __init__(self, kept, pairs, groups):
        self.guesses = {}
        for row in (row for group in groups for row in group.rows):
            rounds = min(pairs, max(LEAST_ROUNDS, pairs * ROUND_SECONDS //
                                    (len(SIDES) * row.weight)))
            self.guesses[row.name] = 0 if kept.is_done(row, pairs) else (
                len(SIDES) * row.weight * max(1, rounds - kept.rounds(row)))
        self.guessed = self.took = 0

    def leave(self, row):
        return self.guesses.pop(row.name)

    def learn(self, guessed, took):
        self.guessed += guessed
        self.took += took

    def remaining(self):
        factor = self.took / self.guessed if self.guessed else 1
        return common.duration(factor * sum(self.guesses.values()))


def measure(row, kept, pairs):
    """Adds rounds to what is kept of the row until it is done."""
    entry = kept.of(row)
    samplers = {side: functools.partial(row.sample, side) for side in SIDES}
    while not kept.is_done(row, pairs):
        done = kept.rounds(row)
        start = time.monotonic()
        common.take_round(samplers, done, entry["samples"])
        entry["seconds"] += time.monotonic() - start
        kept.save()


def summarise(row, entry):
    """The row of a record."""
    what = {"case": row.case, "model": row.model, "work": row.work,
            "threads": row.threads, "precision": row.precision}
    if entry["identical"]:
        return {**what, "verdict": "identical"}
    samples = entry["samples"]

    def ratios(above, below):
        return common.interval([a / b for a, b in
                                zip(samples[above], samples[below])])
    ratio, control = ratios("new", "base"), ratios("control", "new")
    return {**what, "unit": row.unit, "rounds": len(samples["new"]),
            "samples": samples, "ratio": ratio, "control": control,
            "verdict": verdict(ratio, control)}


def line_of(row, result):
    if result["verdict"] == "identical":
        return f"{row.name}\n  identical kernels and commands, not timed"
    amount = common.AMOUNTS[row.unit]
    medians = {side: amount(statistics.median(values))
               for side, values in result["samples"].items()}
    ends = "{median:.3f} [{low:.3f}, {high:.3f}]"
    return (f"{row.name}\n  {medians['base']} then {medians['new']}  "
            f"{ends.format(**result['ratio'])}  A/A "
            f"{ends.format(**result['control'])}  {result['verdict']}")


def compare(plan, cases, kept):
    """Measures what is not kept yet; the rows of the record."""
    pairs = plan.settings.pairs
    groups = [group for case in cases for group in plan.groups(case)]
    clock = Clock(kept, pairs, groups)
    total = sum(len(group.rows) for group in groups)
    results = []
    for group in groups:
        left = [row for row in group.rows if not kept.is_done(row, pairs)]
        identical = bool(left) and group.prepare()
        for row in group.rows:
            kept.of(row)["identical"] |= identical and row.kernels
            print(f"[{len(results) + 1} of {total}, {clock.remaining()} "
                  "left] ", end="", flush=True)
            start = time.monotonic()
            guessed = clock.leave(row)
            measure(row, kept, pairs)
            if not kept.of(row)["identical"]:
                clock.learn(guessed, time.monotonic() - start)
            results.append(summarise(row, kept.of(row)))
            print(line_of(row, results[-1]), flush=True)
        if left:
            group.finish()
    kept.save()
    return results


def check_base(text):
    """ValueError if it is neither a commit nor a build folder."""
    if not builds.is_build(pathlib.Path(text)):
        builds.find_commit(text)


def find_base(text, work):
    """A build folder and the words for it, of a commit or such a folder."""
    folder = pathlib.Path(text)
    if builds.is_build(folder):
        return folder.resolve(), str(folder)
    commit = builds.find_commit(text)
    return builds.make(commit, work), commit[:12]


def describe_new():
    commit = accept.git("rev-parse", "--short=12", "HEAD")
    changed = accept.git("status", "--porcelain", "--",
                         *accept.EXCEPT_RECORDS)
    return commit + (" with local changes" if changed else "")


def run(text, cases, settings, threads, output, current=CURRENT):
    """Exit code: 1 if anything is slower."""
    work = settings.work
    work.mkdir(parents=True, exist_ok=True)
    base, base_words = find_base(text, work)
    if not builds.is_build(current):
        sys.exit(f"bench: expects a build of graft in {current}, got none; "
                 "`./run bench` builds it")
    new_words = describe_new()
    print(f"base: {base_words}\nnew: {new_words}, as it is built in {current}",
          flush=True)
    sides = {name: builds.Build(name, builds.copy(source, work / name),
                                work / "cache")
             for name, source in (("base", base), ("new", current),
                                  ("control", current))}
    level = settings.level and f"-{settings.level}"
    results_path = work / (f"{builds.identity(sides['base'].folder)}-"
                           f"{builds.identity(sides['new'].folder)}{level}"
                           ".json")
    kept = Kept(results_path)
    print(f"kept in {results_path}, from where the next run with these builds "
          "goes on", flush=True)
    try:
        rows = compare(Plan(sides, settings, threads), cases, kept)
    except KeyboardInterrupt:
        sys.exit("\nbench: interrupted; run it again to go on")
    if output:
        output.write_text(json.dumps(
            {"base": base_words, "new": new_words, "limit": LIMIT,
             "processor": accept.processor(), "rows": rows}, indent=1) + "\n")
    return conclude(rows)


def conclude(rows):
    counts = {}
    for row in rows:
        counts[row["verdict"]] = counts.get(row["verdict"], 0) + 1
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    for row in rows:
        if row["verdict"] in ("slower", "inconclusive"):
            print(f"{row['verdict']}: {row['case']} {row['model']} "
                  f"{row['work']} {row['precision']} {row['threads']}")
    return 1 if "slower" in counts else 0
