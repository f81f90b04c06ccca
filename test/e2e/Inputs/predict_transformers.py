#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Predicts the texts of a table with Transformers, as `graft predict` does.

    predict_transformers.py MODEL_DIRECTORY TABLE.tsv OUTPUT.jsonl
"""

import csv
import json
import sys

import torch
import transformers


def main():
    directory, table, output = sys.argv[1:]
    model, loading = (
        transformers.AutoModelForSequenceClassification.from_pretrained(
            directory, output_loading_info=True))
    wrong = {key: sorted(map(str, names)) for key, names in loading.items()
             if names}
    if wrong:
        sys.exit(f"expects every tensor of the model, got {wrong}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    model.eval()
    with open(table, encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(
            file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    with open(output, "w", encoding="utf-8") as file, torch.no_grad():
        for text in texts:
            logits = model(**tokenizer(text, return_tensors="pt")).logits[0]
            labels = [{"label": model.config.id2label[i], "probability": p}
                      for i, p in enumerate(logits.softmax(-1).tolist())]
            file.write(json.dumps({"text": text, "labels": labels}) + "\n")


if __name__ == "__main__":
    main()
