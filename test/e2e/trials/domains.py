# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Meta fine-tuning on reviews of two kinds of goods, beside plain fine-tuning.

    domains.py --model DIRECTORY --data amazon4/ --work DIRECTORY [--first books]
        [--second dvd] [--seeds 3] [--record FILE]

Learns from half of the rows of both domains, and is then fine-tuned in each of them;
tests on all other rows of each. "joint" learns from the rows of both in one table first,
"meta" by the page of that name, and "alone" is fine-tuned in its domain at once.
"""

import shutil

from trials import COMMON, Table, Trial, graft, settings

METHODS = ("joint", "meta", "alone")
FIRST = ("rate=5e-5", "epochs=2", "warmup=0.1", "clip=1")
THEN = ("rate=2e-5", "epochs=2", "warmup=0.1", "clip=1")
ALONE = ("rate=5e-5", "epochs=4", "warmup=0.1", "clip=1")


def main():
    trial = Trial(__doc__, ("first", "books"), ("second", "dvd"))
    options, work = trial.options, trial.options.work
    rows, dev = (Table.read(options.data / name) for name in ("train.tsv", "dev.tsv"))
    known, tables, tests = {}, {}, {}
    for name in (options.first, options.second):
        own = rows.select(domain=name).shuffled(1)
        known[name] = own[:len(own) // 2]
        tables[name] = known[name].write(work / f"{name}.tsv")
        tests[name] = (own[len(own) // 2:] + dev.select(domain=name)).write(
            work / f"test-{name}.tsv")
    both = (known[options.first] + known[options.second]).write(work / "both.tsv")

    def train(method, seed, folder):
        shared = [*COMMON, "--max-length", "96", "--seed", seed]
        between, start = folder / "between", options.model
        if method == "joint":
            graft("finetune", "--model", options.model, "--train", both, *shared,
                  *settings(*FIRST), "--output", between)
        elif method == "meta":
            graft("train", "page:meta", "--model", f"model={options.model}",
                  "--model", f"start={options.model}", "--new-head", "--data",
                  f"first={tables[options.first]}", "--data",
                  f"second={tables[options.second]}", *shared, *settings(*FIRST),
                  "--output", between)
        if method != "alone":
            start = folder / "both_domains"
            shutil.rmtree(start, ignore_errors=True)
            graft("export", between / "model.graft", "--output", start)
        for name, table in tables.items():
            graft("finetune", "--model", start, "--train", table, *shared,
                  *settings(*(ALONE if method == "alone" else THEN)), "--output",
                  folder / name)
        return {name: (folder / name / "model.graft",) for name in tests}

    trial.run(METHODS, train, tests, least=70,
              facts={"recipes": {"both": FIRST, "each": THEN, "alone": ALONE}})


if __name__ == "__main__":
    main()
