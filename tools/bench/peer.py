#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""One of the peers, timed on request; runs in the peers' Python.

    peer.py KIND --threads N [--model DIR] [--dropout P] [--precision bf16]

KIND is torch, torch-compile, onnxruntime or openvino, which answer;
torch-training or torch-training-compile, whose run is an optimiser step a
batch; or one of peer_products.py. Prints a line of JSON with the versions, then
answers each line of standard input,

    {"batches": FILE, "runs": N, "outputs": true}

with the seconds of each run and, if asked, the logits of the last batch. FILE
has a list of batches: {"ids": [[...], ...], "labels": [...], "width": N}, texts
padded to N tokens, or to their longest for 0. A run calls the model on each
batch; padding and copying the tokens is not in the time. A batch without
padding goes without a mask, except to ONNX Runtime.

    peer.py KIND --model DIR --text TEXT

answers one text and ends.

    peer.py export --model DIR --source CHECKPOINT | --sizes JSON

makes the checkpoint DIR from another, or with random weights from sizes of a
BERT, with a classifier of 26 classes; and beside it masked.onnx and full.onnx,
with and without a mask, and masked.fused.onnx, in which ONNX Runtime's own tool
has fused attention, normalisations and GELU. `export-products` makes the
weights of a chain of products.
"""

import argparse
import json
import os
import pathlib
import sys
import time

import peer_products
from peer_products import CLASSES


def pad(batch):
    """Ids and mask as lists; no mask when there is nothing to mask."""
    texts = batch["ids"]
    width = batch["width"] or max(len(text) for text in texts)
    ids = [text + [0] * (width - len(text)) for text in texts]
    if all(len(text) == width for text in texts):
        return ids, None
    return ids, [[1] * len(text) + [0] * (width - len(text))
                 for text in texts]


class Torch:
    def __init__(self, arguments):
        import torch
        import transformers
        self.torch = torch
        torch.set_num_threads(arguments.threads)
        self.model = load_model(arguments.model).eval()
        # Without casts at every layer, as autocast has them: faster.
        if arguments.precision == "bf16":
            self.model = self.model.bfloat16()
        self.versions = {"torch": torch.__version__,
                         "transformers": transformers.__version__}

    def prepare(self, batch):
        ids, mask = pad(batch)
        inputs = {"input_ids": self.torch.tensor(ids)}
        if mask:
            inputs["attention_mask"] = self.torch.tensor(mask)
        return inputs

    def call(self, inputs):
        with self.torch.inference_mode():
            return self.model(**inputs).logits

    def outputs(self, result):
        return result.tolist()


class TorchCompile(Torch):
    def __init__(self, arguments):
        super().__init__(arguments)
        import torch._inductor.config
        torch._inductor.config.freezing = True
        # A function for each shape: what is static is fastest.
        self.model = self.torch.compile(self.model, dynamic=False)

    def call(self, inputs):
        # Freezing does not work in inference mode.
        with self.torch.no_grad():
            return self.model(**inputs).logits


class TorchTraining(Torch):
    def __init__(self, arguments):
        super().__init__(arguments)
        self.torch.manual_seed(0)
        # Master weights stay fp32.
        self.model = load_model(arguments.model, arguments.dropout).train()
        self.autocast = torch_autocast(self.torch, arguments.precision)
        self.optimizer = self.torch.optim.AdamW(
            self.model.parameters(), lr=5e-5, weight_decay=0.01, fused=True)

    def prepare(self, batch):
        return {**super().prepare(batch),
                "labels": self.torch.tensor(batch["labels"])}

    def call(self, inputs):
        with self.autocast():
            loss = self.model(**inputs).loss
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()

    def outputs(self, result):
        return result


class TorchTrainingCompile(TorchTraining):
    def __init__(self, arguments):
        super().__init__(arguments)
        self.model = self.torch.compile(self.model, dynamic=False)


class OnnxRuntime:
    def __init__(self, arguments):
        import numpy
        import onnxruntime
        if arguments.precision != "fp32":
            raise NotImplementedError("it has no bf16 on CPUs")
        self.numpy = numpy
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = (
            onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL)
        self.session = onnxruntime.InferenceSession(
            str(arguments.model / "masked.fused.onnx"), options,
            providers=["CPUExecutionProvider"])
        self.versions = {"onnxruntime": onnxruntime.__version__}

    def prepare(self, batch):
        ids, mask = pad(batch)
        ids = self.numpy.array(ids, self.numpy.int64)
        # Its tool fuses attention in a model with a mask only.
        mask = (self.numpy.array(mask, self.numpy.int64) if mask
                else self.numpy.ones_like(ids))
        return {"ids": ids, "mask": mask}

    def call(self, inputs):
        return self.session.run(None, inputs)[0]

    def outputs(self, result):
        return result.tolist()


class OpenVino:
    def __init__(self, arguments):
        import numpy
        import openvino
        self.numpy, self.openvino = numpy, openvino
        self.arguments = arguments
        self.core = openvino.Core()
        self.requests = {}
        self.versions = {"openvino": openvino.__version__}

    def request(self, name, shape):
        key = (name, shape)
        if key not in self.requests:
            model = self.core.read_model(
                str(self.arguments.model / f"{name}.onnx"))
            if shape:
                model.reshape({value.any_name: list(shape)
                               for value in model.inputs})
            self.requests[key] = self.core.compile_model(model, "CPU", {
                "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
                "INFERENCE_NUM_THREADS": self.arguments.threads,
                "INFERENCE_PRECISION_HINT":
                    {"fp32": "f32", "bf16": "bf16"}[self.arguments.precision],
            }).create_infer_request()
        return self.requests[key]

    def prepare(self, batch):
        ids, mask = pad(batch)
        ids = self.numpy.array(ids, self.numpy.int64)
        if mask is None:  # one shape, which may be compiled for it
            return self.request("full", ids.shape), {"ids": ids}
        mask = self.numpy.array(mask, self.numpy.int64)
        return self.request("masked", None), {"ids": ids, "mask": mask}

    def call(self, prepared):
        request, inputs = prepared
        return request.infer(inputs, share_inputs=True, share_outputs=True)[0]

    def outputs(self, result):
        return result.tolist()


def torch_autocast(torch, precision):
    return lambda: torch.autocast("cpu", torch.bfloat16,
                                  enabled=precision == "bf16")


KINDS = {"torch": Torch, "torch-compile": TorchCompile,
         "torch-training": TorchTraining,
         "torch-training-compile": TorchTrainingCompile,
         "onnxruntime": OnnxRuntime, "openvino": OpenVino, **peer_products.KINDS}


def load_model(folder, dropout=0.0, attention="sdpa"):
    import transformers
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    config = transformers.AutoConfig.from_pretrained(
        folder, attn_implementation=attention)
    config.hidden_dropout_prob = dropout
    config.attention_probs_dropout_prob = dropout
    config.classifier_dropout = dropout
    return transformers.BertForSequenceClassification.from_pretrained(
        folder, config=config)


def make_checkpoint(folder, source, sizes):
    import torch
    import transformers
    torch.manual_seed(0)
    kind = transformers.BertForSequenceClassification
    if source:
        model = kind.from_pretrained(source, num_labels=CLASSES)
    else:
        model = kind(transformers.BertConfig(**json.loads(sizes),
                                             num_labels=CLASSES))
    model.save_pretrained(folder)


def export(folder):
    import onnxruntime.transformers.optimizer as optimizer
    import torch

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = load_model(folder, attention="eager")

        def forward(self, ids, mask=None):
            return self.model(input_ids=ids, attention_mask=mask).logits

    model = Logits().eval()
    for name, inputs in (("masked", ["ids", "mask"]), ("full", ["ids"])):
        values = tuple(torch.ones((2, 16), dtype=torch.int64) for _ in inputs)
        # The older exporter: the tool finds attention in what it writes only.
        torch.onnx.export(
            model, values, str(folder / f"{name}.onnx"), input_names=inputs,
            output_names=["logits"], dynamo=False, opset_version=17,
            dynamic_axes={value: {0: "texts", 1: "tokens"}
                          for value in inputs})
    config = model.model.config
    better = optimizer.optimize_model(
        str(folder / "masked.onnx"), model_type="bert", opt_level=0,
        num_heads=config.num_attention_heads, hidden_size=config.hidden_size)
    found = better.get_fused_operator_statistics()
    if found["Attention"] != config.num_hidden_layers:
        sys.exit(f"expects the attention of {config.num_hidden_layers} layers "
                 f"to be fused, got {found}")
    better.save_model_to_file(str(folder / "masked.fused.onnx"))


def answer(peer, request, prepared):
    path = request["batches"]
    if path not in prepared:
        prepared[path] = [peer.prepare(batch) for batch in
                          json.loads(pathlib.Path(path).read_text())]
    inputs = prepared[path]
    seconds, result = [], None
    for _ in range(request["runs"]):
        start = time.perf_counter()
        for values in inputs:
            result = peer.call(values)
        seconds.append(time.perf_counter() - start)
    reply = {"seconds": seconds}
    if request.get("outputs"):
        reply["outputs"] = peer.outputs(result)
    return reply


def answer_text(peer, arguments):
    import tokenizers
    tokenizer = tokenizers.Tokenizer.from_file(
        str(arguments.model / "tokenizer.json"))
    tokenizer.no_padding()
    ids = tokenizer.encode(arguments.text).ids
    inputs = peer.prepare({"ids": [ids], "width": 0})
    print(peer.outputs(peer.call(inputs)))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kind", choices=[*KINDS, "export", "export-products"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--text")
    parser.add_argument("--source")
    parser.add_argument("--sizes", default="{}")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--precision", choices=["fp32", "bf16"],
                        default="fp32")
    arguments = parser.parse_args()
    if arguments.kind == "export-products":
        peer_products.make_weights(arguments.model,
                                   json.loads(arguments.sizes))
        return
    if arguments.kind == "export":
        make_checkpoint(arguments.model, arguments.source, arguments.sizes)
        export(arguments.model)
        return
    if arguments.text:
        answer_text(KINDS[arguments.kind](arguments), arguments)
        return
    # Libraries print what they like; replies are ours alone.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    peer = KINDS[arguments.kind](arguments)
    print(json.dumps({"versions": peer.versions}), file=replies)
    prepared = {}
    for line in sys.stdin:
        print(json.dumps(answer(peer, json.loads(line), prepared)),
              file=replies)


if __name__ == "__main__":
    main()
