# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""What holds for every strategy, whatever it learns.

    invariants.py FOLDER PART PARTS

Trains each page of the compiler, of PARTS equal parts the one of that number, on
tables of FOLDER, a folder of tiny_bert.py, and checks that

 3. the order of the examples in a batch changes no loss,
 4. nor does having each of them twice,
 5. an example with a weight of 0 is as one that is not there (pages of one stream),
 6. the number of threads changes no bit,
 7. how a batch is cut and packed changes no loss,
 8. a run that is interrupted and resumed ends with the same bits,
 9. in bf16 and in fp16 losses are those of fp32 within 3 %.

(1 and 2 are checked on the program itself, in test/models/strategies.) A page that
is exempt says so, with the reason, in a comment "Invariant N does not hold:".
Prints a line for each page and the number of checks and exemptions.
"""

import json
import pathlib
import re
import subprocess
import sys

TOLERANCE = 5e-5
HALF = 3e-2
ROWS = 24


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


class Page:
    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.facts = json.loads(run("graft-compile", f"page:{name}", "--emit",
                                    "facts", "-o", "-"))
        text = run("graft", "strategies", name)
        self.exempt = {int(number) for number in
                       re.findall(r"// Invariant (\d) does not hold: \S", text)}

    def models(self):
        """The students share a checkpoint; a teacher has a head."""
        for model in self.facts["models"]:
            if model["complete"] or model["tracked"]:
                continue
            numbers = any(stream["labels"] == "number"
                          for stream in self.facts["streams"])
            directory = "model" if model["trained"] else (
                "number-teacher" if numbers else "teacher")
            yield from ("--model", f"{model['name']}={self.folder / directory}")

    def tables(self, kind):
        for stream in self.facts["streams"]:
            labels = "soft" if stream["soft"] else {
                "none": "texts", "number": "numbers",
                "sets": "sets"}.get(stream["labels"], "classes")
            yield from ("--data",
                        f"{stream['name']}={self.folder / kind / labels}.tsv")

    def train(self, output, kind, *options, resume=False):
        output = self.folder / output / self.name
        if any(stream["soft"] for stream in self.facts["streams"]):
            options = (*options, "--soft-column", "said")
        heads = any(model["head"] and model["trained"]
                    for model in self.facts["models"] if not model["complete"])
        run("graft", "train", f"page:{self.name}", *self.models(),
            *self.tables(kind), *(["--new-head"] if heads else []), "--log-every",
            "1", "--quiet", "--resume" if resume else "--overwrite", "--output",
            output, *options)
        return output

    def losses(self, *arguments):
        lines = (self.train(*arguments) / "metrics.jsonl").read_text()
        return [value for line in lines.splitlines()
                for key, value in json.loads(line).items()
                if key.endswith("loss")]

    def check(self):
        """The numbers of the invariants that were checked."""
        still = ("--dropout", "0", "--max-steps", "4")
        whole = self.losses("whole", "plain", "--batch-size", ROWS, *still)
        # All at once take one run; what is rounded may add up, so that each is asked
        # alone where they differ.
        changes = {number: change for number, change in {
            3: "reversed", 4: "doubled", 7: "cut"}.items()
            if number not in self.exempt}
        if changes:
            together = self.changed(changes.values(), still)
            if not self.distance(whole, together) <= TOLERANCE:
                for number, change in changes.items():
                    self.compare(number, whole, self.changed([change], still))
            yield from changes
        # With several streams, a page has weights if its author says so; texts
        # without labels have none.
        streams = self.facts["streams"]
        if 5 not in self.exempt and len(streams) == 1 and (
                streams[0]["labels"] != "none"):
            half = self.losses("half", "half", "--batch-size", ROWS, *still)
            self.compare(5, half, self.losses(
                "weighted", "weighted", "--batch-size", ROWS, "--weight-column",
                "weight", *still))
            yield 5
        if 9 not in self.exempt:
            for precision in ("bf16", "fp16"):
                self.compare(9, whole, self.losses(
                    precision, "plain", "--batch-size", ROWS, *still,
                    "--precision", precision), HALF)
            yield 9
        moving = ("--batch-size", 10, "--shuffle", "--seed", 3)
        one = self.train("one", "plain", *moving, "--max-steps", 5, "--threads", 1)
        two = self.train("two", "plain", *moving, "--max-steps", 3,
                         "--checkpoint-every", 2, "--threads", 2)
        (two / "model.graft").unlink()
        self.train("two", "plain", *moving, "--max-steps", 5, "--threads", 2,
                   resume=True)
        if (one / "model.graft").read_bytes() != (
                two / "model.graft").read_bytes():
            sys.exit(f"{self.name}: expects the same bits with another number of "
                     "threads and an interruption (6, 8)")
        yield from (6, 8)

    def changed(self, changes, still):
        """Losses on a batch that is reversed, doubled, cut, or several of them."""
        changes = list(changes)
        kind = "-".join(change for change in changes if change != "cut")
        rows = ROWS * 2 if "doubled" in changes else ROWS
        cut = ("--max-tokens", 64) if "cut" in changes else ()
        return self.losses("changed", kind or "plain", "--batch-size", rows, *cut,
                           *still)

    def distance(self, wanted, got):
        if len(wanted) != len(got) or not wanted:
            return float("inf")
        return max(abs(a - b) / max(1.0, abs(a))
                   for a, b in zip(wanted, got, strict=True))

    def compare(self, number, wanted, got, tolerance=TOLERANCE):
        worst = self.distance(wanted, got)
        if not worst <= tolerance:
            sys.exit(f"{self.name}: invariant {number}: losses differ by {worst}: "
                     f"{wanted} and {got}")


def write_tables(folder):
    head, *lines = (folder / "train.tsv").read_text().splitlines()
    rows, others = lines[:ROWS], lines[ROWS:2 * ROWS]
    # Texts without labels are others: whoever tells two equal tables apart learns
    # from what is rounded.
    for kind, chosen, unlabelled in (
            ("plain", rows, others), ("reversed", rows[::-1], others[::-1]),
            ("doubled", rows + rows, others + others),
            ("reversed-doubled", (rows + rows)[::-1], (others + others)[::-1]),
            ("half", rows[::2], others), ("weighted", rows, others)):
        (folder / kind).mkdir(exist_ok=True)
        tables = {
            "classes": [head, *chosen],
            "soft": [head + "\tsaid.plant\tsaid.animal\tsaid.tool",
                     *(f"{row}\t{len(row) / 10}\t{row.count('w') / 2}\t0.5"
                       for row in chosen)],
            "sets": [head, *(f"{label}{',long' if len(text) % 2 else ''}\t{text}"
                             for label, text in
                             (row.split("\t") for row in chosen))],
            "numbers": [head, *(f"{len(text) / 10}\t{text}" for _, text in
                                (row.split("\t") for row in chosen))]}
        if kind == "weighted":
            for name, lines in tables.items():
                tables[name] = [lines[0] + "\tweight",
                                *(f"{line}\t{1 - i % 2}"
                                  for i, line in enumerate(lines[1:]))]
        tables["texts"] = ["text", *(row.split("\t")[1] for row in unlabelled)]
        for name, lines in tables.items():
            (folder / kind / f"{name}.tsv").write_text("\n".join(lines) + "\n")


def make_teachers(folder):
    for name, table, task in (("teacher", "classes", "classification"),
                              ("number-teacher", "numbers", "regression")):
        out = folder / f"{name}-run"
        run("graft", "finetune", "--model", folder / "model", "--train",
            folder / "plain" / f"{table}.tsv", "--task", task, "--new-head",
            "--learning-rate", "1e-3", "--output", out, "--quiet", "--overwrite")
        run("graft", "export", out / "model.graft", "--output", folder / name)


def main():
    folder, part, parts = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:])
    write_tables(folder)
    make_teachers(folder)
    names = [line.split(":")[0] for line in run("graft", "strategies").splitlines()
             if line and not line.startswith(" ")]
    checks = exemptions = 0
    for name in names[part::parts]:
        page = Page(name, folder)
        held = list(page.check())
        checks += len(held)
        exemptions += len(page.exempt)
        print(f"{name}: {', '.join(map(str, sorted(held)))} hold")
    print(f"{checks} checks, {exemptions} exemptions")


if __name__ == "__main__":
    main()
