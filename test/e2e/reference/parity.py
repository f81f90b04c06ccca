#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares native programs with PyTorch on real weights and real text.

    parity.py outputs   --model DIR --data DIR --work DIR [--texts N]
    parity.py gradients --model DIR --data DIR --work DIR [--texts N]
    parity.py training  --model DIR --data DIR --work DIR [--steps N]
    parity.py accuracy  --model DIR --data DIR --work DIR [--rows N]
    parity.py seeds     --model DIR --data DIR --work DIR [--seeds N]
                        [--test FILE] [--epochs N]

--data is what tools/quickstart/glosses.py wrote; seeds also takes another
folder with train.tsv and, in --test, the name of its test split. Tools of Graft are found in
PATH. Both sides start from one checkpoint, which --work gets: the encoder of
--model and one random classifier.

outputs    logits of packed batches of 1..512 tokens a text; |g - r| <= 2e-4
gradients  of every parameter, dropout off; ||g - r|| <= 1e-3 ||r|| + 1e-6
           ||all r||, norms over a parameter and over all of them
training   loss of each step, dropout off; |g - r| <= 1e-3 |r|
accuracy   predictions after a whole epoch, dropout off; 99 % are equal and
           accuracy differs by at most 0.3 points
seeds      the recipe as it is, dropout on, with several seeds on each side;
           mean accuracies differ by at most 0.5 points or 2 standard errors;
           a seed that was run before is not run again: Graft's of the same
           --build, PyTorch's of the same recipe and tables

With --precision bf16 Graft computes in mixed precision:
gradients  also those of PyTorch under bf16 autocast are measured; the distance
           of all gradients from fp32 is at most theirs, and at most 2 %
training   fp32 PyTorch against bf16; |g - r| <= 2e-2 |r|
accuracy   fp32 PyTorch against bf16; accuracy differs by at most 0.5 points
seeds      fp32 PyTorch against bf16; the bound of fp32

Prints a line of JSON with what was measured and exits with 1 when a bound is
broken. --record FILE keeps that line.
"""

import argparse
import csv
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys

import numpy
import safetensors.numpy
import safetensors.torch
import torch
import transformers

import finetune

CLASSES = 26


def run(*command):
    """Runs a tool of Graft; its messages are shown when it fails."""
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code "
                 f"{done.returncode}\n{done.stderr}")
    return done.stdout


def read_texts(path):
    with open(path, encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(
            file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def make_checkpoint(source, target, deviation=0.05):
    """Copies a checkpoint and gives it a classifier, the same each time."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json",
                 "special_tokens_map.json"):
        if (source / name).exists():
            (target / name).write_bytes((source / name).read_bytes())
    config = json.loads((source / "config.json").read_text())
    names = {str(i): f"label{i:02}" for i in range(CLASSES)}
    config.update(architectures=["BertForSequenceClassification"],
                  id2label=names,
                  label2id={name: int(i) for i, name in names.items()})
    (target / "config.json").write_text(json.dumps(config))
    tensors = safetensors.torch.load_file(source / "model.safetensors")
    tensors.pop("embeddings.position_ids", None)
    width = tensors["pooler.dense.weight"].shape[0]
    draw = numpy.random.default_rng(11)
    tensors["classifier.weight"] = torch.from_numpy(
        draw.normal(0, deviation, (CLASSES, width)).astype(numpy.float32))
    tensors["classifier.bias"] = torch.from_numpy(
        draw.normal(0, deviation, CLASSES).astype(numpy.float32))
    # The head beside the encoder, as a fine-tuned model is saved.
    safetensors.torch.save_file(
        {name if name.startswith("classifier") else f"bert.{name}": value
         for name, value in tensors.items()}, target / "model.safetensors")
    safetensors.torch.save_file(
        {name: tensors[name]
         for name in ("classifier.weight", "classifier.bias")},
        target / "head.safetensors")
    return target


def reference_model(checkpoint):
    """The same checkpoint in Transformers, without dropout."""
    config = transformers.AutoConfig.from_pretrained(checkpoint)
    config.num_labels = CLASSES
    config.hidden_dropout_prob = 0.0
    config.attention_probs_dropout_prob = 0.0
    model = transformers.BertForSequenceClassification(config)
    tensors = safetensors.torch.load_file(checkpoint / "model.safetensors")
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if "position_ids" not in name]
    if missing or unexpected:
        sys.exit(f"{checkpoint}: expects all tensors of the model and no "
                 f"others, got {missing} missing, {unexpected} unexpected")
    return model.eval()


def compile_program(checkpoint, work, tokens, sequences, precision="fp32"):
    """The phases of the recipe without dropout as a native program."""
    labels = work / "labels.txt"
    labels.write_text("".join(f"label{i:02}\n" for i in range(CLASSES)))
    program = work / "program.graft"
    run("graft-compile", checkpoint, "-o", program, "--labels", labels,
        "--dropout", 0, "--max-tokens", tokens, "--max-sequences", sequences,
        "--precision", precision)
    return program


def draw_texts(texts, tokenizer, count, draw):
    """Token ids of `count` texts: half glosses, half glosses joined up to a
    length drawn evenly from 1..512; the first is the shortest there is and the
    second the longest."""
    rows = []
    while len(rows) < count:
        number = len(rows)
        text = draw.choice(texts)
        if number % 2 and number != 1:
            rows.append(tokenizer(text, truncation=True,
                                  max_length=512)["input_ids"])
            continue
        length = {0: 1, 1: 512}.get(number, draw.randint(1, 512))
        while len(text) < 8 * length:
            text += " ; " + draw.choice(texts)
        ids = tokenizer(text, truncation=True, max_length=max(length, 3))
        # One token alone is [CLS], which no tokenizer would say.
        rows.append(ids["input_ids"][:length])
    draw.shuffle(rows)
    return rows


def pack(rows):
    """Tensors of one launch: sequences end to end, without padding."""
    ids = numpy.concatenate([numpy.asarray(row, numpy.int32) for row in rows])
    offsets = numpy.cumsum([0] + [len(row) for row in rows])
    return {"ids": ids, "types": numpy.zeros_like(ids),
            "segments.offsets": offsets.astype(numpy.int32)}


def run_entry(program, entry, inputs, work, *options):
    safetensors.numpy.save_file(inputs, work / "inputs.safetensors")
    run("graft-run", program, "--entry", entry, "--inputs",
        work / "inputs.safetensors", "--outputs", work / "outputs.safetensors",
        *options)
    return safetensors.numpy.load_file(work / "outputs.safetensors")


def compare_outputs(arguments):
    work, draw = arguments.work, random.Random(3)
    # Logits of several units, as those of a tuned head: the bound is absolute.
    checkpoint = make_checkpoint(arguments.model, work / "checkpoint", 0.5)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    rows = draw_texts(read_texts(arguments.data / "test.tsv"), tokenizer,
                      arguments.texts, draw)
    batches = [[]]
    limit = draw.randint(1, 12)
    for row in rows:
        if len(batches[-1]) == limit:
            batches.append([])
            limit = draw.randint(1, 12)
        batches[-1].append(row)
    tokens = max(sum(map(len, batch)) for batch in batches)
    program = compile_program(checkpoint, work, tokens, 12)
    model = reference_model(checkpoint)
    differences, largest = [], 0.0
    for batch in batches:
        found = run_entry(program, "predict", pack(batch), work)["logits"]
        with torch.no_grad():
            # One text at a time, so that no padding takes part.
            wanted = numpy.concatenate([
                model(input_ids=torch.tensor([row])).logits.numpy()
                for row in batch])
        if found.shape != wanted.shape:
            sys.exit(f"expects logits {wanted.shape}, got {found.shape}")
        differences += numpy.abs(found - wanted).max(1).tolist()
        largest = max(largest, float(numpy.abs(wanted).max()))
    worst = max(differences)
    lengths = [len(row) for row in rows]
    return worst <= 2e-4, {
        "compared": "logits", "texts": len(rows), "launches": len(batches),
        "shortest": min(lengths), "longest": max(lengths),
        "largest_logit": largest, "largest_difference": worst,
        "mean_of_largest": sum(differences) / len(differences),
        "bound": 2e-4}


def reference_gradients(checkpoint, rows, labels, autocast=False):
    """The mean loss, and the gradient of each parameter by Graft's name."""
    model = reference_model(checkpoint)
    loss = 0.0
    for row, label in zip(rows, labels):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            part = model(input_ids=torch.tensor([row]),
                         labels=torch.tensor([label])).loss / len(rows)
        part.backward()
        loss += part.item()
    gradients = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            sys.exit(f"{name}: expects a gradient from PyTorch, got none")
        gradients[f"model.{name.removeprefix('bert.')}.gradient"] = (
            parameter.grad.numpy().astype(numpy.float64))
    return loss, gradients


def norm_of(gradients):
    return sum(float((value ** 2).sum())
               for value in gradients.values()) ** 0.5


def compare_low_gradients(checkpoint, rows, labels, wanted, found, loss,
                          reference_loss):
    autocast_loss, autocast = reference_gradients(checkpoint, rows, labels,
                                                  autocast=True)
    whole = norm_of(wanted)

    def distance(gradients):
        return norm_of({name: gradients[name].astype(numpy.float64) - value
                        for name, value in wanted.items()}) / whole

    ours, theirs = distance(found), distance(autocast)
    return ours <= min(theirs, 0.02), {
        "precision": "bf16", "texts": len(rows),
        "tokens": sum(map(len, rows)), "norm_of_all": whole,
        "relative_distance": ours, "relative_distance_autocast": theirs,
        "loss": loss, "reference_loss": reference_loss,
        "autocast_loss": autocast_loss,
        "bound": "that of autocast, and 0.02"}


def compare_gradients(arguments):
    work, draw = arguments.work, random.Random(5)
    checkpoint = make_checkpoint(arguments.model, work / "checkpoint")
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    texts = read_texts(arguments.data / "train.tsv")
    # Glosses and a few long texts, with every class among the labels.
    rows = draw_texts(texts, tokenizer, 8, draw)
    rows += tokenizer(draw.sample(texts, arguments.texts - 8), truncation=True,
                      max_length=512)["input_ids"]
    labels = [i % CLASSES for i in range(len(rows))]
    program = compile_program(checkpoint, work, sum(map(len, rows)), len(rows),
                              arguments.precision)
    inputs = pack(rows)
    inputs["labels"] = numpy.asarray(labels, numpy.int32)
    inputs["total"] = numpy.asarray(len(rows), numpy.float32)
    slots = work / "gradients.safetensors"
    loss = run_entry(program, "accumulate", inputs, work, "--slots-out", slots,
                     "--slot-kinds", "gradient")["loss"]
    found = safetensors.numpy.load_file(slots)

    reference_loss, wanted = reference_gradients(checkpoint, rows, labels)
    if found.keys() != wanted.keys():
        sys.exit(f"expects the same parameters, got {sorted(found)} and "
                 f"{sorted(wanted)}")
    whole = norm_of(wanted)
    if arguments.precision != "fp32":
        return compare_low_gradients(checkpoint, rows, labels, wanted, found,
                                     float(loss), reference_loss)
    report, good = [], True
    for name, value in wanted.items():
        norm = float(numpy.linalg.norm(value))
        distance = float(numpy.linalg.norm(
            found[name].astype(numpy.float64) - value))
        bound = 1e-3 * norm + 1e-6 * whole
        good = good and distance <= bound
        report.append((distance / bound, name, distance, norm))
    report.sort(reverse=True)
    for share, name, distance, norm in report[:5]:
        print(f"{name}: distance {distance:.3g}, norm {norm:.3g}, "
              f"{share:.3g} of the bound", file=sys.stderr)
    return good, {
        "parameters": len(report), "texts": len(rows),
        "tokens": sum(map(len, rows)), "norm_of_all": whole,
        "worst_parameter": report[0][1], "worst_share_of_bound": report[0][0],
        "worst_relative": max(d / n for _, _, d, n in report if n > 1e-6
                              * whole),
        "loss": float(loss), "reference_loss": reference_loss,
        "bound": "1e-3 ||ref|| + 1e-6 ||all||"}


def write_rows(source, target, rows):
    """The header and the first rows of a table; all of them for 0."""
    with open(source, encoding="utf-8", newline="\n") as file:
        lines = list(file)
    with open(target, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines[:rows + 1] if rows else lines)
    return target


def train_both(arguments, *, rows=0, steps=0, test=None):
    """The recipe without dropout on both sides; what each recorded."""
    work = arguments.work
    checkpoint = make_checkpoint(arguments.model, work / "checkpoint")
    train = write_rows(arguments.data / "train.tsv", work / "train.tsv", rows)
    flags = ["--test", test] if test else []
    done = subprocess.run(
        [sys.executable, finetune.__file__, "--model", arguments.model,
         "--head", checkpoint / "head.safetensors", "--dropout", "0",
         "--max-steps", str(steps), "--train", train, *flags,
         "--output", work / "reference.json"],
        stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"finetune.py: exit code {done.returncode}")
    shutil.rmtree(work / "graft", ignore_errors=True)
    run("graft", "finetune", "--model", arguments.model, "--initial",
        checkpoint / "head.safetensors", "--train", train, "--dropout", 0,
        "--max-length", 128, "--max-steps", steps, "--log-every", 1, "--output",
        work / "graft", "--quiet", "--precision", arguments.precision)
    return json.loads((work / "reference.json").read_text())


def compare_losses(work, reference):
    with open(work / "graft" / "metrics.jsonl", encoding="utf-8") as file:
        found = [json.loads(line)["loss"] for line in file]
    wanted = reference["losses"]
    if len(found) != len(wanted):
        sys.exit(f"expects {len(wanted)} steps, got {len(found)}")
    differences = [abs(g - r) / abs(r) for g, r in zip(found, wanted)]
    worst = max(range(len(differences)), key=differences.__getitem__)
    return {"steps": len(found), "first_loss": wanted[0],
            "last_loss": wanted[-1], "last_loss_graft": found[-1],
            "largest_relative_difference": differences[worst],
            "at_step": worst + 1}


def compare_training(arguments):
    reference = train_both(arguments, steps=arguments.steps)
    record = compare_losses(arguments.work, reference)
    bound = {"fp32": 1e-3, "bf16": 2e-2}[arguments.precision]
    record.update(precision=arguments.precision, bound=bound)
    return record["largest_relative_difference"] <= bound, record


def compare_accuracy(arguments):
    test = arguments.data / "test.tsv"
    reference = train_both(arguments, rows=arguments.rows, test=test)
    work = arguments.work
    artifact = work / "graft" / "model.graft"
    score = json.loads(run("graft", "evaluate", artifact, "--data", test,
                           "--json"))
    run("graft", "predict", artifact, "--data", test, "--top", 1, "--output",
        work / "predictions.jsonl")
    with open(work / "predictions.jsonl", encoding="utf-8") as file:
        found = [json.loads(line)["labels"][0]["label"] for line in file]
    wanted = [reference["labels"][i] for i in reference["predictions"]]
    if len(found) != len(wanted):
        sys.exit(f"expects {len(wanted)} predictions, got {len(found)}")
    equal = sum(g == r for g, r in zip(found, wanted)) / len(wanted)
    points = 100 * (score["accuracy"] - reference["accuracy"])
    record = compare_losses(work, reference)
    record.update(predictions=len(found), agreement=equal,
                  accuracy=score["accuracy"],
                  reference_accuracy=reference["accuracy"],
                  difference_in_points=points,
                  bound="agreement 0.99, 0.3 points")
    return equal >= 0.99 and abs(points) <= 0.3, record


def reference_runs(arguments, seeds, train):
    """Accuracy and version of PyTorch in fp32, a run for each seed.

    They depend on no build of Graft, so --references keeps them, for the recipe
    and the tables that they are of.
    """
    test, output = arguments.data / arguments.test, arguments.work / "run.json"
    digest = hashlib.sha256(str(arguments.epochs).encode())
    for path in (finetune.__file__, train, test):
        digest.update(pathlib.Path(path).read_bytes())
    kept = {"of": digest.hexdigest(), "runs": {}}
    references = arguments.references or arguments.work / "references.json"
    if references.exists():
        found = json.loads(references.read_text())
        kept = found if found["of"] == kept["of"] else kept
    runs = kept["runs"]
    for seed in map(str, seeds):
        if seed in runs:
            continue
        # The benchmarks' PyTorch, where that is installed, is faster.
        python = os.environ.get("GRAFT_PEERS_PYTHON", sys.executable)
        run(python, finetune.__file__, "--model", arguments.model,
            "--train", train, "--test", test, "--seed", seed, "--epochs",
            arguments.epochs, "--output", output)
        found = json.loads(output.read_text())
        runs[seed] = {"accuracy": found["accuracy"], "torch": found["torch"]}
        references.parent.mkdir(parents=True, exist_ok=True)
        aside = references.with_suffix(".part")
        aside.write_text(json.dumps(kept, indent=2) + "\n")
        aside.rename(references)
    return [runs[str(seed)] for seed in seeds]


def graft_accuracy(arguments, seed, train, precision):
    """Accuracy of Graft with one seed; kept for this build alone."""
    work, test = arguments.work, arguments.data / arguments.test
    kept = work / (f"graft-{seed}-{arguments.rows}-{arguments.epochs}-"
                   f"{precision}-{arguments.build}.json")
    if not kept.exists():
        shutil.rmtree(work / "graft", ignore_errors=True)
        run("graft", "finetune", "--model", arguments.model, "--train", train,
            "--max-length", 128, "--seed", seed, "--epochs", arguments.epochs,
            "--precision", precision, "--output", work / "graft", "--quiet")
        score = run("graft", "evaluate", work / "graft" / "model.graft",
                    "--data", test, "--json")
        kept.write_text(score)
    return json.loads(kept.read_text())["accuracy"]


def compare_seeds(arguments):
    train = write_rows(arguments.data / "train.tsv",
                       arguments.work / "train.tsv", arguments.rows)
    seeds = range(arguments.seeds)

    def summary(accuracies):
        values = 100 * numpy.asarray(accuracies)
        return {"accuracies": values.tolist(), "mean": float(values.mean()),
                "deviation": float(values.std(ddof=1))}

    references = reference_runs(arguments, seeds, train)
    reference = summary([found["accuracy"] for found in references])
    reference["torch"] = ", ".join(sorted({found["torch"]
                                           for found in references}))
    record = {"seeds": arguments.seeds, "epochs": arguments.epochs,
              "reference": reference, "least": arguments.least}
    good = True
    for precision in arguments.precision:
        found = summary([graft_accuracy(arguments, seed, train, precision)
                         for seed in seeds])
        difference = found["mean"] - reference["mean"]
        squares = found["deviation"] ** 2 + reference["deviation"] ** 2
        bound = max(0.5, 2 * (squares / arguments.seeds) ** 0.5)
        good &= (abs(difference) <= bound
                 and found["mean"] >= arguments.least)
        record[precision] = {**found, "difference_in_points": difference,
                             "bound": bound}
    return good, record


def finish(arguments, good, record):
    """Prints and keeps what was measured, and ends the program."""
    record = {"item": arguments.item, "passed": good, **record,
              "torch": torch.__version__,
              "transformers": transformers.__version__}
    line = json.dumps(record)
    print(line)
    if arguments.record:
        arguments.record.write_text(line + "\n")
    sys.exit(0 if good else 1)


def main():
    items = {"outputs": compare_outputs, "gradients": compare_gradients,
             "training": compare_training, "accuracy": compare_accuracy,
             "seeds": compare_seeds}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("item", choices=items)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--record", type=pathlib.Path)
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rows", type=int, default=0,
                        help="training rows of accuracy and seeds "
                        "(default: all)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--test", default="test.tsv",
                        help="name of the test split of seeds")
    parser.add_argument("--epochs", type=int, default=1,
                        help="epochs of seeds")
    parser.add_argument("--references", type=pathlib.Path,
                        help="file that keeps PyTorch's accuracies of seeds "
                        "(default: in --work)")
    parser.add_argument("--build", default="any",
                        help="names the build that kept accuracies are of")
    parser.add_argument("--least", type=float, default=0,
                        help="points that the mean of seeds must reach")
    parser.add_argument("--precision", choices=("fp32", "bf16"), nargs="+",
                        default=["fp32"], help="of Graft; seeds takes several")
    arguments = parser.parse_args()
    if arguments.item == "gradients" and arguments.texts <= 8:
        parser.error(f"--texts: expects more than 8, got {arguments.texts}")
    if arguments.precision != ["fp32"] and arguments.item not in (
            "gradients", "training", "seeds"):
        parser.error("--precision: expects gradients, training or seeds, got "
                     f"{arguments.item}")
    if arguments.item != "seeds":
        if len(arguments.precision) > 1:
            parser.error("--precision: expects one")
        arguments.precision = arguments.precision[0]
    if arguments.seeds < 2:
        parser.error(f"--seeds: expects at least 2, got {arguments.seeds}")
    arguments.work.mkdir(parents=True, exist_ok=True)
    finish(arguments, *items[arguments.item](arguments))


if __name__ == "__main__":
    main()
