#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""The reference recipe in PyTorch and Transformers, to compare Graft with.

Fine-tunes BertForSequenceClassification on a TSV with the columns `label` and
`text`, exactly as `graft finetune` does by default: split order without
shuffling, batch 32, AdamW (0.9, 0.999, 1e-8) with decay 0.01 on every
parameter, learning rate 5e-5 falling linearly to 0, no warm-up, no clipping.
Writes a JSON record: the loss of each step, predictions and accuracy on the
test split, examples a second, versions.

    finetune.py --model DIR --train train.tsv --test test.tsv --output out.json
"""

import argparse
import csv
import json
import pathlib
import time

import safetensors.torch
import torch
import transformers


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t",
                                   quoting=csv.QUOTE_NONE))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def make_model(arguments, labels):
    config = transformers.AutoConfig.from_pretrained(arguments.model)
    config.num_labels = len(labels)
    config.hidden_dropout_prob = arguments.dropout
    config.attention_probs_dropout_prob = arguments.dropout
    config.classifier_dropout = arguments.dropout
    torch.manual_seed(arguments.seed)
    model = transformers.BertForSequenceClassification.from_pretrained(
        arguments.model, config=config)
    with torch.no_grad():
        model.classifier.weight.normal_(0.0, 0.02)
        model.classifier.bias.zero_()
        if arguments.head:
            head = safetensors.torch.load_file(arguments.head)
            model.classifier.weight.copy_(head["classifier.weight"])
            model.classifier.bias.copy_(head["classifier.bias"])
    return model


def batches(count, size, order):
    for begin in range(0, count, size):
        yield order[begin:begin + size]


def train(model, tokens, targets, arguments):
    order = list(range(len(targets)))
    if arguments.sort_by_length:
        order.sort(key=lambda i: len(tokens[i]))
    steps = arguments.epochs * -(-len(order) // arguments.batch_size)
    total = min(steps, arguments.max_steps or steps)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=arguments.learning_rate, betas=(0.9, 0.999),
        eps=1e-8, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: max(0.0, 1 - step / steps))
    model.train()
    losses, seconds, examples = [], 0.0, 0
    rows_of_steps = (rows for _ in range(arguments.epochs) for rows in
                     batches(len(order), arguments.batch_size, order))
    for number, rows in enumerate(rows_of_steps):
        if number == total:
            break
        start = time.perf_counter()
        inputs = pad([tokens[i] for i in rows])
        loss = model(**inputs,
                     labels=torch.tensor([targets[i] for i in rows])).loss
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        seconds += time.perf_counter() - start
        examples += len(rows)
        if number % 50 == 0:
            print(f"step {number}/{total} loss {losses[-1]:.4f} "
                  f"{examples / seconds:.1f} examples/s", flush=True)
    return losses, examples / seconds


def pad(rows):
    width = max(len(row) for row in rows)
    return {
        "input_ids": torch.tensor([row + [0] * (width - len(row))
                                   for row in rows]),
        "attention_mask": torch.tensor([[1] * len(row)
                                        + [0] * (width - len(row))
                                        for row in rows]),
    }


def predict(model, tokens):
    model.eval()
    predictions = [0] * len(tokens)
    order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
    with torch.no_grad():
        for rows in batches(len(order), 64, order):
            logits = model(**pad([tokens[i] for i in rows])).logits
            for i, best in zip(rows, logits.argmax(-1).tolist()):
                predictions[i] = best
    return predictions


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--train", type=pathlib.Path, required=True)
    parser.add_argument("--test", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--head", help="safetensors with the initial "
                        "classifier.weight and classifier.bias")
    parser.add_argument("--save-model", help="directory for the tuned model")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--max-steps", type=int, default=0)
    parser.add_argument("--max-rows", type=int, default=0)
    parser.add_argument("--sort-by-length", action="store_true",
                        help="the peer's best case for speed; changes batches")
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)

    texts, names = read_table(arguments.train)
    labels = sorted(set(names))
    if arguments.max_rows:
        texts, names = texts[:arguments.max_rows], names[:arguments.max_rows]
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)

    def encode(rows):
        return tokenizer(rows, truncation=True, padding=False,
                         max_length=arguments.max_length)["input_ids"]

    model = make_model(arguments, labels)
    losses, rate = train(model, encode(texts),
                         [labels.index(name) for name in names], arguments)
    record = {
        "losses": losses, "examples_per_second": rate, "labels": labels,
        "seed": arguments.seed, "dropout": arguments.dropout,
        "torch": torch.__version__, "transformers": transformers.__version__,
        "threads": torch.get_num_threads(),
    }
    if arguments.test:
        texts, names = read_table(arguments.test)
        predictions = predict(model, encode(texts))
        right = sum(labels[p] == name for p, name in zip(predictions, names))
        record["predictions"] = predictions
        record["accuracy"] = right / len(names)
        print(f"accuracy {record['accuracy']:.4f}")
    if arguments.save_model:
        model.save_pretrained(arguments.save_model)
        tokenizer.save_pretrained(arguments.save_model)
    arguments.output.write_text(json.dumps(record))


if __name__ == "__main__":
    main()
