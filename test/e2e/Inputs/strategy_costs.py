# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""What strategies cost, beside what they would cost without help of the compiler.

    strategy_costs.py --model DIR --work DIR [--texts N] [--length N] [--part N]
        [--batch N] [--pairs N] [--seconds-off] [--record FILE]

Contrastive training of a batch of --texts in two passes, parts of --part texts, against
a page that computes as much for each text and relates none; and its activations, with
the matrices of all pairs, against those of a batch of --batch texts in one launch. Three
epochs of distillation with the teacher cached against one that speaks in each epoch. A
step of LoRA and its memory against full fine-tuning. Times are medians of the ratios of
--pairs, in turn; --seconds-off holds none of them to its bound. Prints a line of JSON and
exits with 1 when a bound is broken.
"""

import argparse
import json
import pathlib
import shutil
import statistics

import job

# Least upper bounds of the ratios that are promised.
BOUNDS = {"two_passes_time": 1.5, "two_passes_arena": 1.0, "cached_teacher_time": 1.0,
          "lora_time": 1.0, "lora_bytes": 0.7}


def page(name, path, *changes):
    text = job.run("graft", "strategies", name)
    for old, new in changes:
        if old not in text:
            raise SystemExit(f"page {name}: expects {old!r} in it")
        text = text.replace(old, new)
    path.write_text(text)
    return path


def train(options, name, *arguments):
    """Seconds of training, and the plan."""
    output = options.work / name
    summary = json.loads(job.run(
        "graft", "train", *arguments, "--model", f"model={options.model}",
        "--output", output, "--overwrite", "--quiet", "--json"))
    return summary["seconds"], json.loads(
        job.run("graft", "plan", output / "program.graft", "--json"))["bytes"]


def ratios(pairs, first, second):
    """Of the seconds of both, measured in turn."""
    return [first() / second() for _ in range(pairs)]


def two_passes(options):
    related = options.work / "texts.tsv"
    job.write_equal_texts(related, options.texts, options.length)
    # The same calls, and a loss of each text alone.
    alone = page("contrastive", options.work / "alone.mlir",
                 ("transfer.loss contrastive %a, %b temperature @temperature mean",
                  "transfer.loss mse %a, %b mean"),
                 ('  transfer.parameter @temperature = 0.05 in [1.0e-9, 1.0e+9] '
                  '"what cosines are divided by"\n', ""))
    parts = ("--max-tokens", options.part * options.length)
    rest = ("--data", f"train={related}", "--max-steps", 1)
    small = train(options, "small", "page:contrastive", *rest, "--batch-size",
                  options.batch)[1]
    large = train(options, "large", "page:contrastive", *rest, *parts,
                  "--batch-size", options.texts)[1]
    whole = (*rest, *parts, "--batch-size", options.texts)
    times = ratios(options.pairs,
                   lambda: train(options, "large", "page:contrastive", *whole)[0],
                   lambda: train(options, "alone", alone, *whole)[0])
    return times, {"two_passes_arena": large["arena"] / small["arena"],
                   "arena_bytes": [large["arena"], small["arena"]]}


def cached_teacher(options):
    table = options.work / "distilled.tsv"
    job.write_equal_texts(table, options.texts, options.length)
    job.run("graft", "finetune", "--model", options.model, "--new-head", "--train",
            table, "--max-steps", 1, "--output", options.work / "taught",
            "--overwrite", "--quiet")
    teacher = options.work / "teacher"
    shutil.rmtree(teacher, ignore_errors=True)
    job.run("graft", "export", options.work / "taught" / "model.graft", "--output",
            teacher)
    online = page("distill", options.work / "online.mlir",
                  ("  %kept = transfer.cache @teacher_logits %teacher : "
                   "tensor<?x?xf32, #SK>\n", ""), ("%kept", "%teacher"))

    def run(name, strategy):
        return train(options, name, strategy, "--model", f"teacher={teacher}",
                     "--data", f"train={table}", "--set", "epochs=3")[0]
    return ratios(options.pairs, lambda: run("cached", "page:distill"),
                  lambda: run("online", online))


def lora(options):
    table = options.work / "adapted.tsv"
    job.write_equal_texts(table, 2 * options.batch, options.length)
    plans = [train(options, name, f"page:{name}", "--new-head", "--data",
                   f"train={table}", "--max-steps", 1)[1]
             for name in ("lora", "finetune")]

    def step(name):
        line = job.run("graft", "bench", options.work / name / "program.graft",
                       "--batch", options.batch, "--length", options.length,
                       "--train", "--seconds", "1", "--json")
        return json.loads(line)["median_ms"]
    # What is mapped is the file of the frozen weights.
    sizes = [plan["total"] + plan["mapped"] for plan in plans]
    return (ratios(options.pairs, lambda: step("lora"), lambda: step("finetune")),
            {"lora_bytes": sizes[0] / sizes[1], "bytes": sizes})


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--texts", type=int, default=1024)
    parser.add_argument("--length", type=int, default=16)
    parser.add_argument("--part", type=int, default=28)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds-off", action="store_true")
    parser.add_argument("--record", type=pathlib.Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    passes, passes_plan = two_passes(options)
    adapted, adapted_plan = lora(options)
    times = {"two_passes_time": passes,
             "cached_teacher_time": cached_teacher(options), "lora_time": adapted}
    found = {name: statistics.median(values) for name, values in times.items()}
    found |= {name: plan[name] for plan in (passes_plan, adapted_plan)
              for name in plan if name in BOUNDS}
    broken = {name: found[name] for name, bound in BOUNDS.items()
              if found[name] > bound and
              not (options.seconds_off and name in times)}
    job.finish(not broken, {
        "ratios": found, "bounds": BOUNDS, "broken": broken, "each": times,
        "two_passes": passes_plan, "lora": adapted_plan,
        "texts": options.texts, "length": options.length, "part": options.part,
        "batch": options.batch,
    }, options.record)


if __name__ == "__main__":
    main()
