# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Holds a roofline of `graft bench --json` against operations counted by hand.

usage: check_roofline.py FILE FLOPS

FLOPS are those of a token of the shape.
"""

import json
import sys

record = json.load(open(sys.argv[1]))
flops = float(sys.argv[2]) * record["batch"] * record["length"]
roofline = record["roofline"]
kernels = {kernel["kernel"]: kernel for kernel in roofline["kernels"]}
whole = kernels.pop("all")
found = whole["gflops"] * whole["ms"] * 1e6
# The times come from several runs of the whole program.
runs, = (kernel["calls"] for name, kernel in kernels.items()
         if name.startswith("positions."))
assert runs == 7, runs
assert abs(found / runs / flops - 1) < 1e-6, (found / runs, flops)
assert abs(sum(k["share"] for k in kernels.values()) - 1) < 1e-6, kernels
assert all(k["gflops"] > 0 for name, k in kernels.items()
           if name.startswith(("linear", "matmul", "attention"))), kernels
assert all(k["gbytes_per_second"] > 0 for name, k in kernels.items()), kernels
assert all(k["of_limit"] > 0 for k in kernels.values()), kernels
assert roofline["gflops"] > 0
assert [b["bytes"] for b in roofline["bandwidth"]] == sorted(
    b["bytes"] for b in roofline["bandwidth"])
