#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Measures what freezing the embeddings and the first layers saves.

    freezing.py --model DIR --train TABLE --work DIR --layers N --steps N \\
        --pairs N [--bound RATIO] [--record FILE]

Trains with and without --freeze-layers, interleaved, with weight decay, and
checks that no backward op of what is frozen exists (gradients of attention and
of the activation function there are one a layer, of the embeddings none), that
its bytes stay, and that optimiser state is that of the rest. Records the ops,
the bytes and the ratio of the times of a step, which --bound bounds. Prints a
line of JSON and exits with 1 when a check fails.
"""

import argparse
import collections
import json
import pathlib
import re
import shutil
import statistics
import struct

import job


def train(arguments, output, *options):
    """Seconds a step of a run into `output`."""
    shutil.rmtree(output, ignore_errors=True)
    summary = json.loads(job.run(
        "graft", "finetune", "--model", arguments.model, "--train",
        arguments.train, "--weight-decay", 0.5, "--learning-rate", 1e-3,
        "--max-steps", arguments.steps, "--output", output, "--quiet",
        "--json", *options))
    return summary["seconds"] / summary["steps"]


def count_gradient_ops(stages):
    """How often each op of a backward pass stands in the program."""
    text = (stages / "03_autodiff.mlir").read_text()
    return dict(sorted(collections.Counter(
        re.findall(r"= graft\.(\w+_gradient)\b", text)).items()))


def read_plan(output):
    return json.loads(job.run("graft", "plan", output / "program.graft",
                              "--json"))


def read_tensors(path):
    """Bytes by name, without `bert.`."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {name.removeprefix("bert."):
            data[8 + size + tensor["data_offsets"][0]:
                 8 + size + tensor["data_offsets"][1]]
            for name, tensor in header.items()}


def changed_names(arguments, output):
    """Tensors of the model by whether training changed their bytes."""
    exported = arguments.work / "exported"
    shutil.rmtree(exported, ignore_errors=True)
    job.run("graft", "export", output / "model.graft", "--output", exported)
    before = read_tensors(arguments.model / "model.safetensors")
    after = read_tensors(exported / "model.safetensors")
    names = {True: [], False: []}
    for name in sorted(before.keys() & after.keys()):
        names[before[name] != after[name]].append(name)
    return names


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--train", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--pairs", type=int, required=True)
    parser.add_argument("--bound", type=float)
    parser.add_argument("--record", type=pathlib.Path)
    arguments = parser.parse_args()

    whole, frozen = arguments.work / "whole", arguments.work / "frozen"
    freeze = ("--freeze-layers", arguments.layers)
    times = {whole: [], frozen: []}
    for _ in range(arguments.pairs):
        for output, options in ((whole, ()), (frozen, freeze)):
            times[output].append(train(arguments, output, "--dump-stages",
                                       output / "stages", *options))
    ratio = (statistics.median(times[frozen]) /
             statistics.median(times[whole]))
    ops = {output.name: count_gradient_ops(output / "stages")
           for output in times}
    plans = {output: read_plan(output) for output in times}
    names = changed_names(arguments, frozen)
    config = json.loads((arguments.model / "config.json").read_text())
    left = config["num_hidden_layers"] - arguments.layers
    pattern = re.compile("^embeddings|^encoder[.]layer[.](%s)[.]" % "|".join(
        map(str, range(arguments.layers))))
    moments = plans[frozen]["bytes"]["moments"]
    checks = {
        "backward_ops": ops["frozen"].get("embedding_gradient", 0) == 0 and
        ops["frozen"]["attention_gradient"] ==
        ops["frozen"]["gelu_gradient"] == left,
        "bytes": bool(names[False]) and all(
            bool(pattern.match(name)) != changed
            for changed in names for name in names[changed]),
        # Two numbers of 4 bytes for each that learns.
        "optimiser_state": moments == 8 * plans[frozen]["trainable"] <
        plans[whole]["bytes"]["moments"],
    }
    if arguments.bound:
        checks["step_time"] = ratio <= arguments.bound
    job.finish(all(checks.values()), {
        "checks": checks, "frozen_layers": arguments.layers,
        "gradient_ops": ops, "unchanged_tensors": len(names[False]),
        "changed_tensors": len(names[True]),
        "bytes": {output.name: plan["bytes"]
                  for output, plan in plans.items()},
        "seconds_a_step": {output.name: seconds
                           for output, seconds in times.items()},
        "step_time_ratio": ratio, "bound": arguments.bound,
    }, arguments.record)


if __name__ == "__main__":
    main()
