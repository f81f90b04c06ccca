# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Chains of matrix products as the peers compute them: rows of a table, through
all weights in turn, and a classifier of the first row, as gemm.py's programs.

products-mm       torch.mm on plain weights: MKL in PyPI's PyTorch
products-mkl      MKL on weights that were packed once
products-onednn   oneDNN on weights that were reordered once

The last two are the operations that torch.compile takes for frozen weights.

products-gradients  torch.mm forward, then the gradients of all weights, added
                    to what is there, and of what all but the first multiply
"""

import json

CLASSES = 26


def make_weights(folder, sizes):
    """The file of weights of a chain: {"widths": [...], "rows": N}."""
    import safetensors.torch
    import torch
    torch.manual_seed(0)
    widths = sizes["widths"]
    tensors = {"table.weight": torch.randn(sizes["rows"], widths[0])}
    for i, (before, after) in enumerate(zip(widths, widths[1:])):
        tensors[f"product{i}.weight"] = (torch.randn(after, before)
                                         / before ** 0.5)
    tensors["classifier.weight"] = (torch.randn(CLASSES, widths[-1])
                                    / widths[-1] ** 0.5)
    tensors["classifier.bias"] = torch.zeros(CLASSES)
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))


class Products:
    def __init__(self, arguments):
        import safetensors.torch
        import torch
        self.torch = torch
        torch.set_num_threads(arguments.threads)
        tensors = safetensors.torch.load_file(
            arguments.model / "model.safetensors")
        self.type = {"fp32": torch.float32,
                     "bf16": torch.bfloat16}[arguments.precision]
        self.table = tensors["table.weight"].to(self.type)
        self.weights = [tensors[f"product{i}.weight"].to(self.type)
                        for i in range(len(tensors) - 3)]
        self.classifier = tensors["classifier.weight"]
        self.packed = {}
        self.versions = {"torch": torch.__version__}

    def prepare(self, batch):
        ids, = batch["ids"]
        rows = len(ids)
        if rows not in self.packed:
            self.packed[rows] = [self.pack(weight, rows)
                                 for weight in self.weights]
        return self.torch.tensor(ids), self.packed[rows]

    def call(self, prepared):
        ids, weights = prepared
        with self.torch.inference_mode():
            x = self.table[ids]
            for weight in weights:
                x = self.product(x, weight)
            return x[:1].float() @ self.classifier.t()

    def outputs(self, result):
        return result.tolist()


class MatrixMultiply(Products):
    def pack(self, weight, rows):
        # Results go into buffers that are there.
        return weight.t(), self.torch.empty(rows, len(weight),
                                            dtype=self.type)

    def product(self, x, weight):
        return self.torch.mm(x, weight[0], out=weight[1])


class PackedMkl(Products):
    def pack(self, weight, rows):
        return self.torch.ops.mkl._mkl_reorder_linear_weight(
            weight, rows), weight, rows

    def product(self, x, weight):
        packed, plain, rows = weight
        return self.torch.ops.mkl._mkl_linear(x, packed, plain, None, rows)


class PackedOneDnn(Products):
    def pack(self, weight, rows):
        return self.torch.ops.mkldnn._reorder_linear_weight(weight,
                                                              rows)

    def product(self, x, weight):
        return self.torch.ops.mkldnn._linear_pointwise(x, weight, None, "none",
                                                       [], "")


class Gradients(Products):
    """Of the cross entropy of the first row with a label. Gradients of weights
    are kept in fp32, and weights, too, which bf16 rounds in each run."""

    def __init__(self, arguments):
        super().__init__(arguments)
        self.weights = [weight.float() for weight in self.weights]
        self.gradients = [self.torch.zeros_like(weight)
                          for weight in self.weights]

    def prepare(self, batch):
        ids, = batch["ids"]
        results, slopes = (
            [self.torch.zeros(len(ids), len(weight), dtype=self.type)
             for weight in self.weights] for _ in range(2))
        return self.torch.tensor(ids), batch["labels"][0], results, slopes

    def call(self, prepared):
        torch = self.torch
        ids, label, results, slopes = prepared
        with torch.inference_mode():
            inputs = [self.table[ids]]
            weights = [weight.to(self.type) for weight in self.weights]
            for weight, result in zip(weights, results):
                inputs.append(torch.mm(inputs[-1], weight.t(), out=result))
            logits = inputs[-1][:1].float() @ self.classifier.t()
            slope = logits.softmax(1)
            slope[0, label] -= 1
            slopes[-1][0] = (slope @ self.classifier)[0].to(self.type)
            for i in reversed(range(len(weights))):
                if self.type == torch.float32:
                    self.gradients[i].addmm_(slopes[i].t(), inputs[i])
                else:
                    self.gradients[i] += torch.mm(slopes[i].t(), inputs[i])
                if i > 0:
                    torch.mm(slopes[i], weights[i], out=slopes[i - 1])
            return logits


KINDS = {"products-mm": MatrixMultiply, "products-mkl": PackedMkl,
         "products-onednn": PackedOneDnn, "products-gradients": Gradients}
