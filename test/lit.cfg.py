# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

"""How lit runs the tests: tools, substitutions and features."""

import os
import sys

import lit.formats

config.name = "graft"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.join(config.graft_source_dir, "test")

bin_dir = os.path.join(config.graft_build_dir, "bin")
config.environment["PATH"] = os.pathsep.join(
    [bin_dir, config.llvm_tools_dir, os.environ.get("PATH", "")]
)

# Every tool of ours, as %graft-opt and so on; a bare name works as well,
# because build/bin is first in PATH. Longer names come first, so that %graft
# does not eat the start of %graft-opt.
tools = ["graft", "graft-opt", "graft-compile", "graft-run", "graft-lsp-server"]
for tool in sorted(tools, key=len, reverse=True):
    path = os.path.join(bin_dir, tool)
    config.substitutions.append(("%" + tool + r"\b", path))
    if os.path.exists(path):
        config.available_features.add(tool)

config.substitutions.append(("%python", sys.executable))
config.substitutions.append(("%source", config.graft_source_dir))

# A variable without $ must not leak from one CHECK-LABEL block to the next.
config.substitutions.append((r"\bFileCheck\b", "FileCheck -enable-var-scope"))

# Real data sets live outside the repository: GRAFT_DATA, or ../shared/data.
data_dir = os.environ.get("GRAFT_DATA") or os.path.join(
    config.graft_source_dir, "..", "shared", "data"
)
if os.path.isdir(data_dir):
    config.available_features.add("data")
    config.substitutions.append(("%data", os.path.realpath(data_dir)))
    config.environment["GRAFT_DATA"] = os.path.realpath(data_dir)

# Python with the reference frameworks (PyTorch and friends), when made.
reference = os.environ.get("GRAFT_REFERENCE_PYTHON") or os.path.join(
    config.graft_source_dir, ".venv", "bin", "python"
)
if os.path.exists(reference):
    config.available_features.add("reference")
    config.substitutions.append(("%reference-python", reference))
