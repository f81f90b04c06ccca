#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares `graft distill` with PyTorch, and with fine-tuning.

    distillation.py losses   --model DIR --teacher DIR --train FILE --work DIR
                             [--layers 0,2] [--steps N]
    distillation.py accuracy --model DIR --data DIR --work DIR
                             [--layers 0,2,4] [--rows N] [--seeds N]
                             [--epochs N] [--rate R] [--temperature T]
                             [--share S]

losses     of each step, dropout off, on a table that lacks some labels;
           |g - r| <= 1e-5 |r|
accuracy   of a student of some layers on the test table. The teacher is the
           whole model, fine-tuned on all rows by the default recipe. Arm A has
           the labels of a tenth of the rows and the teacher's word on all,
           N epochs (1); arm B is fine-tuned on that tenth alone for as many
           steps, with the same rate, shuffled both. A is better by more than 2
           standard errors of the difference of the means, and the teacher
           keeps its bytes; a seed that was run before is not run again.

--data is what tools/quickstart/glosses.py wrote. Tools of Graft are found in
PATH. Prints a line of JSON with what was measured and exits with 1 when a bound
is broken. --record FILE keeps that line.
"""

import argparse
import hashlib
import json
import pathlib
import re
import shutil
import sys

import numpy
import safetensors.torch
import torch
import transformers

import finetune
import parity


def choose_layers(tensors, layers):
    """The tensors of a checkpoint with these encoder layers, renumbered."""
    chosen = {}
    for name, value in tensors.items():
        name = name.removeprefix("bert.")
        match = re.fullmatch(r"encoder\.layer\.(\d+)\.(.*)", name)
        if match and int(match[1]) not in layers:
            continue
        if match:
            name = f"encoder.layer.{layers.index(int(match[1]))}.{match[2]}"
        chosen[name] = value
    chosen.pop("embeddings.position_ids", None)
    return chosen


def make_student(model, layers, target):
    """Writes the student as a checkpoint of its own."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json",
                 "special_tokens_map.json"):
        if (model / name).exists():
            shutil.copyfile(model / name, target / name)
    config = json.loads((model / "config.json").read_text())
    config["num_hidden_layers"] = len(layers)
    (target / "config.json").write_text(json.dumps(config))
    tensors = safetensors.torch.load_file(model / "model.safetensors")
    safetensors.torch.save_file(choose_layers(tensors, layers),
                                target / "model.safetensors")
    return target


def make_head(labels, width, path):
    draw = numpy.random.default_rng(11)
    safetensors.torch.save_file(
        {"classifier.weight": torch.from_numpy(
            draw.normal(0, 0.05, (labels, width)).astype(numpy.float32)),
         "classifier.bias": torch.from_numpy(
             draw.normal(0, 0.05, labels).astype(numpy.float32))}, path)
    return path


def reference_losses(arguments, head):
    """Losses of the distillation in PyTorch."""
    teacher = transformers.BertForSequenceClassification.from_pretrained(
        arguments.teacher).eval()
    ids = teacher.config.label2id
    config = transformers.AutoConfig.from_pretrained(arguments.model)
    config.num_labels = teacher.config.num_labels
    config.num_hidden_layers = len(arguments.layers)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    student = transformers.BertForSequenceClassification(config)
    tensors = choose_layers(safetensors.torch.load_file(
        arguments.model / "model.safetensors"), arguments.layers)
    tensors = {f"bert.{name}": value for name, value in tensors.items()}
    tensors.update(safetensors.torch.load_file(head))
    missing, unexpected = student.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if "position_ids" not in name]
    if missing or unexpected:
        sys.exit(f"{arguments.model}: expects all tensors of the student, got "
                 f"{missing} missing, {unexpected} unexpected")
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.teacher)
    texts, names = finetune.read_table(arguments.train)
    tokens = tokenizer(texts, truncation=True, padding=False,
                       max_length=arguments.length)["input_ids"]
    targets = [ids[name] if name else -100 for name in names]

    steps = -(-len(tokens) // 32)
    optimizer = torch.optim.AdamW(
        student.parameters(), lr=arguments.rate, betas=(0.9, 0.999), eps=1e-8,
        weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: max(0.0, 1 - step / steps))
    losses, unlabelled = [], 0
    order = list(range(len(tokens)))
    for rows in list(finetune.batches(len(order), 32, order))[
            :arguments.steps or None]:
        inputs = finetune.pad([tokens[i] for i in rows])
        labels = torch.tensor([targets[i] for i in rows])
        logits = student(**inputs).logits
        with torch.no_grad():
            said = teacher(**inputs).logits
        loss = 0.0
        if (labels != -100).any():
            loss = (1 - arguments.share) * torch.nn.functional.cross_entropy(
                logits, labels, ignore_index=-100)
        else:
            unlabelled += 1
        soft = torch.nn.functional.kl_div(
            torch.log_softmax(logits / arguments.temperature, -1),
            torch.softmax(said / arguments.temperature, -1),
            reduction="batchmean") * arguments.temperature ** 2
        loss = loss + arguments.share * soft
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses, unlabelled


def compare_losses(arguments):
    work = arguments.work
    config = json.loads((arguments.teacher / "config.json").read_text())
    head = make_head(len(config["id2label"]), config["hidden_size"],
                     work / "head.safetensors")
    wanted, unlabelled = reference_losses(arguments, head)
    shutil.rmtree(work / "graft", ignore_errors=True)
    parity.run(
        "graft", "distill", "--teacher", arguments.teacher, "--model",
        arguments.model, "--student-layers",
        ",".join(map(str, arguments.layers)), "--train", arguments.train,
        "--initial", head, "--dropout", 0, "--learning-rate", arguments.rate,
        "--temperature", arguments.temperature, "--soft-share",
        arguments.share, "--max-length", arguments.length, "--max-steps",
        arguments.steps, "--log-every", 1,
        "--output", work / "graft", "--quiet")
    record = parity.compare_losses(work, {"losses": wanted})
    record.update(batches_without_labels=unlabelled, bound=1e-5)
    return record["largest_relative_difference"] <= 1e-5, record


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_teacher(arguments, train):
    """The fine-tuned teacher as a directory, made once, and its accuracy."""
    directory = arguments.work / f"teacher-{arguments.rows}"
    kept = directory / "teacher.json"
    if kept.exists():
        return directory / "model", json.loads(kept.read_text())["accuracy"]
    shutil.rmtree(directory, ignore_errors=True)
    parity.run("graft", "finetune", "--model", arguments.model, "--train",
               train, "--max-length", arguments.length, "--output",
               directory / "run", "--quiet")
    score = evaluate(directory / "run" / "model.graft", arguments)
    parity.run("graft", "export", directory / "run" / "model.graft", "--output",
               directory / "model")
    kept.write_text(json.dumps({"accuracy": score}))
    return directory / "model", score


def evaluate(artifact, arguments):
    """Accuracy; a label that the training rows lacked is never right."""
    test = arguments.data / "test.tsv"
    answers = arguments.work / "predictions.jsonl"
    parity.run("graft", "predict", artifact, "--data", test, "--top", 1,
               "--output", answers)
    with open(answers, encoding="utf-8") as file:
        found = [json.loads(line)["labels"][0]["label"] for line in file]
    _, wanted = finetune.read_table(test)
    if len(found) != len(wanted):
        sys.exit(f"expects {len(wanted)} predictions, got {len(found)}")
    return sum(a == b for a, b in zip(found, wanted)) / len(wanted)


def drop_labels(source, target, labelled):
    """Copies a table without the labels after the first rows."""
    with open(source, encoding="utf-8", newline="\n") as file:
        header, *lines = file
    column = header.rstrip("\n").split("\t").index("label")
    with open(target, "w", encoding="utf-8", newline="\n") as file:
        file.write(header)
        for number, line in enumerate(lines):
            cells = line.rstrip("\n").split("\t")
            if number >= labelled:
                cells[column] = ""
            file.write("\t".join(cells) + "\n")
    return target


def run_seed(arguments, seed, teacher, tables):
    """Accuracies of both arms with one seed, and their steps."""
    work = arguments.work
    kept = work / (f"seed{seed}-{arguments.rows}-{arguments.epochs}-"
                   f"{arguments.rate}-{arguments.temperature}-"
                   f"{arguments.share}.json")
    if kept.exists():
        return json.loads(kept.read_text())
    shared = ["--max-length", arguments.length, "--seed", seed, "--shuffle",
              "--learning-rate", arguments.rate, "--quiet", "--json"]
    for arm in "ab":
        shutil.rmtree(work / arm, ignore_errors=True)
    # What the teacher said to another seed holds for this one.
    said = teacher.parent / "cached.teacher_logits.safetensors"
    if said.exists():
        (work / "a").mkdir()
        shutil.copyfile(said, work / "a" / said.name)
    student = make_student(arguments.model, arguments.layers, work / "student")
    report = {"a": json.loads(parity.run(
        "graft", "distill", "--teacher", teacher, "--model", arguments.model,
        "--student-layers", ",".join(map(str, arguments.layers)), "--train",
        tables["partly"], "--temperature", arguments.temperature,
        "--soft-share", arguments.share, "--epochs", arguments.epochs,
        "--output", work / "a", *shared))}
    shutil.copyfile(work / "a" / said.name, said)
    report["b"] = json.loads(parity.run(
        "graft", "finetune", "--model", student, "--train", tables["labelled"],
        "--epochs", 10 * arguments.epochs, "--output", work / "b", *shared))
    pair = {arm: {"accuracy": evaluate(work / arm / "model.graft", arguments),
                  "steps": report[arm]["steps"]} for arm in "ab"}
    kept.write_text(json.dumps(pair))
    return pair


def compare_accuracy(arguments):
    work = arguments.work
    train = parity.write_rows(arguments.data / "train.tsv", work / "train.tsv",
                              arguments.rows)
    rows = sum(1 for _ in open(train, encoding="utf-8")) - 1
    labelled = rows // 10
    tables = {"partly": drop_labels(train, work / "partly.tsv", labelled),
              "labelled": parity.write_rows(train, work / "labelled.tsv",
                                            labelled)}
    teacher, teacher_accuracy = make_teacher(arguments, train)
    before = digest(teacher / "model.safetensors")
    pairs = [run_seed(arguments, seed, teacher, tables)
             for seed in range(arguments.seeds)]
    same = digest(teacher / "model.safetensors") == before
    record = {"seeds": arguments.seeds, "layers": arguments.layers,
              "rows": rows, "labelled_rows": labelled,
              "epochs": arguments.epochs, "learning_rate": arguments.rate,
              "temperature": arguments.temperature,
              "soft_share": arguments.share,
              "teacher_accuracy": 100 * teacher_accuracy,
              "teacher_keeps_its_bytes": same}
    error = 0.0
    for arm, name in (("a", "distilled"), ("b", "fine_tuned")):
        values = 100 * numpy.asarray([pair[arm]["accuracy"] for pair in pairs])
        record[name] = {"accuracies": values.tolist(),
                        "steps": pairs[0][arm]["steps"],
                        "mean": float(values.mean()),
                        "deviation": float(values.std(ddof=1))}
        error += float(values.var(ddof=1)) / len(values)
    difference = record["distilled"]["mean"] - record["fine_tuned"]["mean"]
    better = difference > 2 * error ** 0.5
    record.update(difference_in_points=difference,
                  standard_error=error ** 0.5, better=better,
                  bound="better by more than 2 standard errors")
    return better and same, record


def main():
    items = {"losses": compare_losses, "accuracy": compare_accuracy}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("item", choices=items)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--teacher", type=pathlib.Path)
    parser.add_argument("--train", type=pathlib.Path)
    parser.add_argument("--record", type=pathlib.Path)
    parser.add_argument("--layers", default="0,2,4",
                        type=lambda text: [int(i) for i in text.split(",")])
    parser.add_argument("--temperature", type=float, default=2.0)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--rate", type=float, default=5e-5)
    parser.add_argument("--epochs", type=int, default=1,
                        help="of accuracy's arm A")
    parser.add_argument("--steps", type=int, default=0,
                        help="of losses (default: one epoch)")
    parser.add_argument("--rows", type=int, default=0,
                        help="training rows of accuracy (default: all)")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    needed = {"losses": ("teacher", "train"), "accuracy": ("data",)}
    for name in needed[arguments.item]:
        if getattr(arguments, name) is None:
            parser.error(f"{arguments.item}: expects --{name}")
    if arguments.seeds < 2:
        parser.error(f"--seeds: expects at least 2, got {arguments.seeds}")
    config = json.loads((arguments.model / "config.json").read_text())
    arguments.length = min(128, config["max_position_embeddings"])
    arguments.work.mkdir(parents=True, exist_ok=True)
    parity.finish(arguments, *items[arguments.item](arguments))


if __name__ == "__main__":
    main()
