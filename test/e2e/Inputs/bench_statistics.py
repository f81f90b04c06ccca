# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""What tools/bench makes of samples, against numbers worked out by hand.

    bench_statistics.py FOLDER
"""

import json
import struct
import sys
import tempfile
import pathlib

sys.path.insert(0, sys.argv[1])
import common  # noqa: E402
import report  # noqa: E402
import sides  # noqa: E402

# Turns rotate, so that no side is always the first.
order = []
samples = common.alternate(
    {name: lambda name=name: order.append(name) or len(order)
     for name in "abc"}, 4)
assert "".join(order) == "abcbcacababc", order
assert samples == {"a": [1, 6, 8, 10], "b": [2, 4, 9, 11],
                   "c": [3, 5, 7, 12]}, samples

# An interval has the median in it, no width without spread, and is the same
# each time. Of two values each median is one of the three means.
assert common.interval([2.0] * 15) == {"median": 2, "low": 2, "high": 2}
two = common.interval([1.0, 3.0])
assert two == {"median": 2, "low": 1, "high": 3}, two
many = common.interval([float(i) for i in range(15)])
assert many["median"] == 7 and 2 < many["low"] < 7 < many["high"] < 12, many
assert many == common.interval([float(i) for i in range(15)])

# Ratios are taken pair by pair: here 2, 2 and 2 although both slow down.
row = common.make_row(
    {"model": "m", "work": "w", "threads": 1, "precision": "fp32"},
    {"graft": [1.0, 2.0, 4.0], "slow": [2.0, 4.0, 8.0],
     "fast": [0.5, 1.0, 2.0]}, flops=4e9, peak=8.0,
    targets={"best": 0.6, "slow": 1.9, "absent": 3})
assert row["ratios"]["slow"] == {"median": 2, "low": 2, "high": 2}, row
assert row["best"] == "fast" and row["medians"]["graft"] == 2, row
assert row["gflops"]["graft"] == 2 and row["share_of_peak"]["graft"] == 0.25
assert row["targets"] == [{"against": "best", "least": 0.6, "holds": False},
                          {"against": "slow", "least": 1.9, "holds": True}]
assert "0.6 of best, missed" in common.describe(row)
assert report.targets(row) == ("0.6 of the best: **missed**; "
                               "1.9 of slow: holds"), report.targets(row)

# The upper end decides, not the median.
row = common.make_row({}, {"graft": [1.0, 1.0], "peer": [0.5, 1.5]},
                      targets={"best": 1.5})
assert row["ratios"]["peer"]["median"] == 1 and row["targets"][0]["holds"]

mean = common.geometric_mean(
    [common.make_row({}, {"graft": [1.0], "peer": [4.0]}),
     common.make_row({}, {"graft": [1.0], "peer": [1.0], "worse": [9.0]})],
    {}, target=2.5)
assert abs(mean["median"] - 2) < 1e-12 and not mean["targets"][0]["holds"], mean

# Tokens, with and without padding.
work = sides.Work("w", [[[1, 2, 3], [4]], [[5, 6]]])
assert (work.tokens, work.padded_tokens) == (6, 8)
assert sides.Work("w", work.batches, width=4).padded_tokens == 12
with tempfile.TemporaryDirectory() as folder:
    first, second = work.write_for_graft(pathlib.Path(folder))
    data = first.read_bytes()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    begin, end = header["segments.offsets"]["data_offsets"]
    assert struct.unpack("<3i", data[8 + size + begin:8 + size + end]) == (
        0, 3, 4)
    path = pathlib.Path(folder) / "floats"
    sides.write_safetensors(path, {"x": ("F32", [2, 2], [1, 2, 3, 4])})
    assert sides.read_safetensors(path, "x") == [[1, 2], [3, 4]]

# A processor is of the most capable kind whose flag it has.
assert common.processor_kind({"avx2", "avx512f", "avx512_bf16"}) == "avx512_bf16"
assert common.processor_kind({"avx2", "fma"}) == "avx2"
assert common.processor_kind({"asimd"}) == "aarch64"
assert common.processor_kind(set()) == "other"

# It can be held to what it has, and to nothing else.
flags = {"avx2", "avx512f", "avx512_bf16"}
assert common.can_hold("avx2", flags) and common.can_hold("avx512_bf16", flags)
assert not common.can_hold("amx_bf16", flags)
assert not common.can_hold("avx512", {"avx2"})
assert not common.can_hold("avx2", {"asimd"})

# A record becomes a table, one for each kind of processor, the most capable
# first; a case without a record says so.
row = common.make_row(
    {"model": "tiny", "work": "1x16", "threads": 2, "precision": "fp32"},
    {"graft": [0.001, 0.001], "pytorch": [0.002, 0.003],
     "openvino": [0.0005, 0.0005]}, flops=1e6, peak=4.0,
    targets={"best": 0.93}, differences={"pytorch": 1e-7})
record = {
    "case": "infer", "commit": "0123456789abcdef", "date": "today",
    "pairs": 2, "processor": "2 x CPU", "flags": ["avx2"],
    "peak_gflops": {"fp32 2": 4.0}, "environment": {"OMP_NUM_THREADS": "2"},
    "load_before": 0.0, "load_after": 1.0, "versions": {"torch": "9"},
    "rows": [row], "summaries": [common.geometric_mean(
        [row], {"model": "tiny", "threads": 2, "precision": "fp32"},
        target=1.0)],
    "not_run": [{"what": "bf16", "why": "reasons"}]}
with tempfile.TemporaryDirectory() as folder:
    report.FOLDER = pathlib.Path(folder)
    for kind, processor, level in (
            ("avx2", "2 x OLD", ""), ("amx_bf16", "2 x CPU", ""),
            ("avx2-forced", "2 x HELD", "avx2")):
        path = report.path_of("infer", kind)
        path.parent.mkdir()
        path.write_text(json.dumps({**record, "processor": processor,
                                    "level": level}))
    page = report.text()
order = [line for line in page.splitlines() if line.startswith("#")]
assert order[1:5] == [
    "## Inference on texts of one length",
    "### Processors with AMX (`amx_bf16`)",
    "### Processors with AVX2 (`avx2`)",
    "### `avx2`, forced on a processor with more"], order
assert "`./run bench infer --level avx2 --keep` at 0123456789ab" in page
assert page.index("2 x CPU, avx2;") < page.index("2 x OLD, avx2;")
for line in (
        "| model | work | precision | threads | Graft | PyTorch as installed "
        "| OpenVINO | target |",
        "| tiny | 1x16 | fp32 | 2 | 1.00 ms (25 %) | 2.50 ms (10 %) 2.50 [2.00, "
        "3.00] | 0.50 ms (50 %) **0.50 [0.50, 0.50]** | 0.93 of the best: "
        "**missed** |",
        "- tiny, fp32, 2 threads, geometric mean over the best peers: 0.50 [0.50, "
        "0.50] 1.0 of the best: **missed**",
        "- Largest difference of a logit: PyTorch as installed 1.0e-07",
        "- bf16: not run: reasons", "Preset: OMP_NUM_THREADS=2.",
        "`./run bench gemm --keep`: no record yet."):
    assert line in page.splitlines(), (line, page)
