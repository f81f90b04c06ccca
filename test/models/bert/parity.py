# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

"""Holds an imported checkpoint, interpreted, against Transformers.

Texts of several lengths lie end to end in one packed batch; Transformers sees
them padded, with a mask. Compares the hidden state of every token and the
logits of every text, in fp32.
"""

import argparse
import os
import subprocess
import sys

import numpy
import torch
import transformers
from safetensors.numpy import load_file, save_file

TEXTS = [
    ("the cat sat .", None),
    ("", None),
    ("a dog", "the dogs sat"),
    ("Dogs, cats and a Brontosaurus: all sat by the river, unhyphenated.",
     None),
    ("a", "A paraphrase is a restatement of the meaning of a text."),
]


def tokenize(directory):
    """Ids, types and the lengths of the texts, end to end."""
    tokenizer = transformers.BertTokenizer.from_pretrained(directory)
    ids, types, lengths = [], [], []
    for first, second in TEXTS:
        encoded = tokenizer(first, second)
        ids += encoded["input_ids"]
        types += encoded["token_type_ids"]
        lengths.append(len(encoded["input_ids"]))
    return numpy.int32(ids), numpy.int32(types), lengths


def pad(values, lengths):
    result = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
    start = 0
    for row, length in enumerate(lengths):
        result[row, :length] = torch.tensor(values[start:start + length])
        start += length
    return result


def expected(model, ids, types, lengths):
    """Hidden states of the real tokens, and logits."""
    mask = pad(numpy.ones_like(ids), lengths)
    with torch.no_grad():
        output = model(input_ids=pad(ids, lengths),
                       token_type_ids=pad(types, lengths),
                       attention_mask=mask, output_hidden_states=True)
    hidden = output.hidden_states[-1][mask.bool()]
    return {"hidden": hidden.numpy(), "logits": output.logits.numpy()}


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(" ".join(command) + "\n" + done.stderr)


def compare(directory, scratch, labels, tolerance):
    join = lambda name: os.path.join(scratch, name)
    torch.manual_seed(11)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        directory, num_labels=labels, attn_implementation="eager")
    model = model.float().eval()
    ids, types, lengths = tokenize(directory)
    # The interpreter takes parameters in the type of the graph, and no others:
    # old checkpoints also have the numbers of the positions.
    inputs = {
        name: value.astype(numpy.float32)
        for name, value in load_file(
            os.path.join(directory, "model.safetensors")).items()
        if value.dtype.kind == "f"
    }
    # Transformers made up the head where the checkpoint has none.
    for name in ("weight", "bias"):
        inputs["model::classifier." + name] = (
            model.classifier.state_dict()[name].numpy())
    inputs["ids"], inputs["types"] = ids, types
    inputs["segments.offsets"] = numpy.cumsum([0] + lengths).astype(numpy.int32)
    save_file(inputs, join("inputs.safetensors"))

    run(["graft-compile", directory, "--emit=model", "--dropout=0",
         "--classes=%d" % labels if labels > 1 else "--regression", "-o", join("model.mlir")])
    want = expected(model, ids, types, lengths)
    for entry, name in (("encode", "hidden"), ("logits", "logits")):
        run(["graft-opt", join("model.mlir"), "-o", os.devnull,
             "--interpret=entry=model::%s limit=1 inputs=%s output=%s" %
             (entry, join("inputs.safetensors"), join("output.safetensors"))])
        got = load_file(join("output.safetensors"))[name]
        if got.shape != want[name].shape:
            sys.exit("%s: expects shape %s, got %s" %
                     (name, want[name].shape, got.shape))
        difference = float(numpy.abs(got - want[name]).max())
        print("%s %s %s: largest difference %.3g of values up to %.3g" %
              (os.path.basename(directory), name, list(got.shape), difference,
               numpy.abs(got).max()))
        if not difference <= tolerance:
            sys.exit("%s: expects a difference of at most %g, got %g" %
                     (name, tolerance, difference))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scratch", help="directory for files of this test")
    parser.add_argument("checkpoints", nargs="+", metavar="DIRECTORY:LABELS")
    parser.add_argument("--tolerance", type=float, default=2e-4)
    arguments = parser.parse_args()
    os.makedirs(arguments.scratch, exist_ok=True)
    for checkpoint in arguments.checkpoints:
        directory, labels = checkpoint.rsplit(":", 1)
        compare(directory, arguments.scratch, int(labels), arguments.tolerance)


if __name__ == "__main__":
    main()
