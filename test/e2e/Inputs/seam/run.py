#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Random checkpoints and tables through all commands: what training measured,
every later command must measure again, to the last row.

    run.py WORK [--count N] [--seed S] [--only K] [--plant FAULT] [--jobs J]
                [--record FILE]

Case K of seed S is a checkpoint directory (directory.py) and tables
(tables.py). It is trained, evaluated, exported, imported again, read by
Transformers (if this Python has it) and distilled. Compared are the
development score of training, those of `graft evaluate` of the artifact and of
its export compiled again, and the probabilities of each row, Transformers'
included.

--plant changes the export before it is read again, as a faulty export would:
lost-token, swapped-label or other-cut. Then each case that the fault concerns
must fail, and at least one must be concerned.

Tools of Graft are in PATH. Exits with 0 if all cases hold.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import pathlib
import random
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import directory  # noqa: E402
import tables  # noqa: E402

PLANTS = ["lost-token", "swapped-label", "other-cut"]
TRAIN_ROWS, DEV_ROWS = 24, 31


class Difference(Exception):
    """Two commands disagree, or one of them failed."""


def run(*command):
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, timeout=120)
    if done.returncode != 0:
        raise Difference(f"{' '.join(map(str, command))}: exit status "
                         f"{done.returncode}\n{done.stderr}{done.stdout}")
    return done.stdout


@dataclasses.dataclass
class Case:
    number: int
    path: pathlib.Path
    model: directory.Directory
    data: tables.Tables
    dev_rows: list
    task: str

    def table(self, name):
        return self.path / f"{name}.{self.data.format}"


def make(seed, number, work):
    """Writes the inputs of a case."""
    draw = random.Random(f"{seed} {number}")
    data = tables.choose(draw)
    model = directory.choose(draw, data.labels)
    path = work / f"case-{number}"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    directory.write(model, path / "model", draw)
    rows = [tables.rows(data, draw, directory.WORDS, model.added, count)
            for count in (TRAIN_ROWS, DEV_ROWS)]
    case = Case(number, path, model, data, rows[1],
                "classification" if data.labels else "regression")
    part = TRAIN_ROWS // data.parts
    for i in range(data.parts):
        tables.write(data, case.table(f"train-{i}"),
                     rows[0][i * part:(i + 1) * part])
    tables.write(data, case.table("dev"), rows[1])
    return case


def train(case):
    """Returns the development score."""
    columns = case.data.columns
    options = ["--model", case.path / "model", "--dev", case.table("dev"),
               f"--text-column={columns['text']}",
               f"--label-column={columns['label']}", "--learning-rate=2e-2",
               "--epochs=3", "--batch-size=8", "--threads=1", "--quiet",
               "--evaluate-every=4", "--output", case.path / "out",
               "--task", case.task]
    for i in range(case.data.parts):
        options += ["--train", case.table(f"train-{i}")]
    if case.data.pairs:
        options.append(f"--pair-column={columns['pair']}")
    if case.data.max_length:
        options.append(f"--max-length={case.data.max_length}")
    run("graft", "finetune", *options)
    return best_score(case.path / "out")


def best_score(output):
    """Of the parameters that are kept."""
    records = [json.loads(line) for line in
               (output / "metrics.jsonl").read_text().splitlines()]
    return max(r["dev_score"] for r in records if "dev_score" in r)


def evaluate(case, artifact):
    found = json.loads(run("graft", "evaluate", artifact, "--data",
                           case.table("dev"), "--json", "--threads=1"))
    if found["examples"] != DEV_ROWS:
        raise Difference(f"expects {DEV_ROWS} examples, got {found}")
    # A correlation with what does not vary is not defined; training counts 0.
    return found["accuracy" if case.data.labels else "pearson"] or 0


def predict(case, artifact):
    lines = run("graft", "predict", artifact, "--data", case.table("dev"),
                "--json", "--threads=1", "--top=99").splitlines()
    return [{label["label"]: label["probability"]
             for label in record["labels"]} if "labels" in record
            else {"score": record["score"]}
            for record in map(json.loads, lines)]


def compare_scores(what, expected, got):
    if abs(expected - got) > 1e-4:
        raise Difference(f"{what}: score {got}, in training {expected}")


def compare_rows(what, expected, got, tolerance):
    for i, (ours, theirs) in enumerate(zip(expected, got, strict=True)):
        if ours.keys() != theirs.keys():
            raise Difference(f"{what}: row {i}: labels {list(theirs)}, "
                             f"expected {list(ours)}")
        for label in ours:
            if abs(ours[label] - theirs[label]) > tolerance:
                raise Difference(f"{what}: row {i}, {label!r}: "
                                 f"{theirs[label]}, expected {ours[label]}")


def plant(fault, case, exported):
    """Spoils the export. Returns whether the fault concerns this case."""
    config = exported / "config.json"
    if fault == "lost-token":
        told = {row[c] for row in case.dev_rows for c in row}
        used = [t for t in case.model.added if any(t in x for x in told)]
        if not used:
            return False
        path = exported / "tokenizer.json"
        parsed = json.loads(path.read_text(encoding="utf-8"))
        parsed["added_tokens"] = [t for t in parsed["added_tokens"]
                                  if t["content"] not in used]
        path.write_text(json.dumps(parsed), encoding="utf-8")
        for name in ("added_tokens.json", "tokenizer_config.json"):
            if (exported / name).exists():
                known = json.loads((exported / name).read_text())
                known.pop("added_tokens_decoder", None)
                for token in used:
                    known.pop(token, None)
                (exported / name).write_text(json.dumps(known))
        return True
    parsed = json.loads(config.read_text())
    if fault == "swapped-label":
        if not case.data.labels:
            return False
        names = parsed["id2label"]
        names["0"], names["1"] = names["1"], names["0"]
        parsed["label2id"] = {n: int(i) for i, n in names.items()}
        config.write_text(json.dumps(parsed))
        return True
    if not case.data.max_length:
        return False
    settings = exported / "tokenizer_config.json"
    known = json.loads(settings.read_text())
    known["model_max_length"] = 5
    settings.write_text(json.dumps(known))
    parsed["graft_max_length"] = 5
    config.write_text(json.dumps(parsed))
    return True


def distil(case, teacher):
    """A student of the artifact reads what its teacher read."""
    if not case.data.labels:
        return
    output = case.path / "student"
    run("graft", "distill", "--teacher", teacher, "--model",
        case.path / "model", "--train", case.table("train-0"), "--dev",
        case.table("dev"), "--learning-rate=2e-2", "--epochs=1",
        "--batch-size=8", "--evaluate-every=2", "--threads=1", "--quiet",
        "--output", output)
    compare_scores("student", best_score(output),
                   evaluate(case, output / "model.graft"))


def check(case, fault, transformers):
    """Whether the planted fault concerns the case; raises what it finds."""
    score = train(case)
    artifact = case.path / "out" / "model.graft"
    compare_scores("evaluate", score, evaluate(case, artifact))
    rows = predict(case, artifact)
    exported = case.path / "exported"
    run("graft", "export", artifact, "--output", exported)
    concerned = not fault or plant(fault, case, exported)
    if not concerned:
        return False
    again = case.path / "again.graft"
    run("graft-compile", exported, "--max-tokens=512", "--max-sequences=32",
        "-o", again)
    compare_scores("imported again", score, evaluate(case, again))
    compare_rows("imported again", rows, predict(case, again), 2e-6)
    if transformers:
        compare_rows("Transformers", rows,
                     transformers(case, exported), 2e-4)
    if not fault:
        distil(case, artifact)
    return True


def with_transformers():
    """A function that predicts a case's rows, if this Python can."""
    try:
        import torch
        import transformers
    except ImportError:
        return None
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    # Its modules are loaded where a name is first used, which two threads must
    # not do at once.
    for name in ("AutoModelForSequenceClassification", "AutoTokenizer",
                 "BertForSequenceClassification", "BertTokenizerFast"):
        getattr(transformers, name)

    def predict_rows(case, exported):
        model, loading = (
            transformers.AutoModelForSequenceClassification.from_pretrained(
                exported, output_loading_info=True))
        wrong = {key: list(map(str, names))
                 for key, names in loading.items() if names}
        if wrong:
            raise Difference(f"Transformers: expects all tensors, got {wrong}")
        tokenizer = transformers.AutoTokenizer.from_pretrained(exported)
        model.eval()
        columns, result = case.data.columns, []
        for row in case.dev_rows:
            texts = [row[columns["text"]]]
            if case.data.pairs:
                texts.append(row[columns["pair"]])
            inputs = tokenizer(*texts, truncation=True, return_tensors="pt")
            with torch.no_grad():
                logits = model(**inputs).logits[0]
            if case.data.labels:
                result.append({model.config.id2label[i]: p for i, p in
                               enumerate(logits.softmax(-1).tolist())})
            else:
                result.append({"score": logits[0].item()})
        return result

    return predict_rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=25)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", type=int)
    parser.add_argument("--plant", choices=PLANTS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--record", type=pathlib.Path)
    arguments = parser.parse_args()
    transformers = with_transformers()
    numbers = ([arguments.only] if arguments.only is not None
               else range(arguments.count))

    def one(number):
        case = make(arguments.seed, number, arguments.work)
        try:
            return case, check(case, arguments.plant, transformers), None
        except Exception as error:  # of Transformers, too
            return case, True, f"{type(error).__name__}: {error}"

    concerned = failed = 0
    wrong = {}
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for case, concerns, error in pool.map(one, numbers):
            concerned += concerns
            failed += error is not None
            if error:
                wrong[case.number] = error
            if error and not arguments.plant:
                print(f"case {case.number} of seed {arguments.seed}: {error}\n"
                      f"  {case.model}\n  {case.data}")
            elif concerns and not error and arguments.plant:
                print(f"case {case.number}: {arguments.plant} not noticed\n"
                      f"  {case.model}\n  {case.data}")
            elif not error and not arguments.only is None:
                print(f"{case.model}\n{case.data}")
            if not error:
                shutil.rmtree(case.path, ignore_errors=True)
    reader = ("" if transformers else
              "; Transformers is not installed and was left out")
    print(f"seed {arguments.seed}: {len(numbers)} cases, {concerned} concerned,"
          f" {failed} with a difference{reader}")
    if arguments.record:
        arguments.record.write_text(json.dumps({
            "passed": not failed, "seed": arguments.seed,
            "cases": len(numbers), "failed": failed, "wrong": wrong,
            "transformers": bool(transformers)}) + "\n")
    if arguments.plant:
        sys.exit(0 if concerned and failed == concerned else 1)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
