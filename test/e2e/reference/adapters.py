# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Adapters of Graft and those of PyTorch, written by hand, in Transformers' BERT.

    adapters.py train KIND FOLDER START GOT [PEFT EXPORTED]

trains as models/strategies/KIND.mlir says, without dropout, from START, and compares
the losses with those of GOT (as in phases.py), and the result with what Graft has
exported from that run: the adapters in PEFT, and the model in EXPORTED, whose matrices
are those of PyTorch with the adapters in them, and which has else, but for the head,
the bits of the pretrained model.

    adapters.py write KIND FOLDER PEFT OUTPUT.jsonl [KEY=JSON ...]

writes a directory of adapters as Hugging Face PEFT has them, of random numbers beside
query and value of FOLDER/model and with a head, in which KEY of adapter_config.json
has the value JSON, and what PyTorch predicts with them for FOLDER/test.tsv.

    adapters.py predict FOLDER PEFT OUTPUT.jsonl

predicts with the adapters of any such directory, by the names that PEFT gives them.
"""

import csv
import json
import math
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import BertConfig, BertForSequenceClassification

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import phases

PASSES, RATE, DECAY, RANK, ALPHA = 3, 1e-3, 0.01, 8, 16.0
TOLERANCE = 2e-5
PREFIX = "base_model.model."


class LowRank(torch.nn.Module):
    """W + scale B A in place of W; with a magnitude, of rows with these norms."""

    def __init__(self, linear, a, b, scale, magnitude=None):
        super().__init__()
        self.linear, self.a, self.b = linear, a, b
        self.scale, self.magnitude = scale, magnitude

    def matrix(self):
        return self.linear.weight + self.scale * self.b @ self.a

    def merged(self):
        if self.magnitude is None:
            return self.matrix()
        return self.matrix() * (
            self.magnitude / self.matrix().norm(dim=1))[:, None]

    def forward(self, x):
        if self.magnitude is None:
            return self.linear(x) + self.scale * (x @ self.a.T) @ self.b.T
        # The norm is a constant in gradients.
        norm = self.matrix().norm(dim=1).detach()
        direction = self.matrix() / norm[:, None]
        return functional.linear(x, self.magnitude[:, None] * direction,
                                 self.linear.bias)


class Bottleneck(torch.nn.Module):
    def __init__(self, linear, down, down_bias, up, up_bias):
        super().__init__()
        self.linear = linear
        self.down, self.down_bias, self.up, self.up_bias = (
            down, down_bias, up, up_bias)

    def forward(self, x):
        y = self.linear(x)
        low = functional.gelu(functional.linear(y, self.down, self.down_bias))
        return y + functional.linear(low, self.up, self.up_bias)


def targets(model, kind):
    """The path of each linear layer that is adapted, and who has it as what."""
    for i, layer in enumerate(model.bert.encoder.layer):
        path = f"encoder.layer.{i}"
        if kind == "adapter":
            yield f"{path}.attention.output.dense", layer.attention.output, "dense"
            yield f"{path}.output.dense", layer.output, "dense"
        else:
            for name in ("query", "value"):
                yield (f"{path}.attention.self.{name}", layer.attention.self, name)


def adapt(model, begun, kind):
    """Puts in what the checkpoint `begun` has. Returns the adapters, and the
    parameters with and without decay."""
    adapters, decayed, plain = {}, [], []

    def take(name, to):
        value = begun[f"model.{name}"].clone().requires_grad_()
        to.append(value)
        return value

    for path, owner, name in targets(model, kind):
        linear = getattr(owner, name)
        if kind == "adapter":
            values = [take(f"{path}.adapter_{which}.{part}",
                           decayed if part == "weight" else plain)
                      for which in ("down", "up") for part in ("weight", "bias")]
            assert values[0].std() > 0 and not any(v.any() for v in values[1:])
            adapted = Bottleneck(linear, *values)
        else:
            a, b = (take(f"{path}.lora_{which}", decayed) for which in "ab")
            assert a.shape[0] == RANK and not b.any() and a.std() > 0
            magnitude = None
            if kind == "dora":
                magnitude = take(f"{path}.lora_magnitude", plain)
                wanted = linear.weight.double().norm(dim=1)
                assert torch.equal(magnitude, wanted.float())
            adapted = LowRank(linear, a, b, ALPHA / RANK, magnitude)
        setattr(owner, name, adapted)
        adapters[path] = adapted
    decayed += list(model.classifier.parameters())
    if kind == "adapter":
        plain += [parameter for name, parameter in model.named_parameters()
                  if "LayerNorm" in name]
    return adapters, decayed, plain


def train(folder, model, adapters, decayed, plain):
    source = phases.Texts(folder / "train.tsv", phases.vocabulary(folder))

    def adamw(parameters):
        return torch.optim.AdamW([
            {"params": decayed, "weight_decay": DECAY},
            {"params": plain, "weight_decay": 0.0}])

    phase = phases.Phase(decayed + plain, adamw, phases.CLIP)
    steps = PASSES * math.ceil(len(source.rows) / phases.BATCH)
    for done in range(steps):
        ids, answers = source.batch()
        logits = model(input_ids=ids, attention_mask=(ids != 0).int()).logits
        loss = functional.cross_entropy(logits, answers)
        if done == 0:
            for adapted in adapters.values():
                first = adapted.down if hasattr(adapted, "down") else adapted.a
                gradient = torch.autograd.grad(loss, first, retain_graph=True)[0]
                assert not gradient.any()  # what follows it is zero
        yield "", done + 1, phase.turn(loss, RATE * (steps - done) / steps)


def check_peft(peft, model, adapters, kind):
    """The tensors and the configuration that Graft wrote are those of PyTorch."""
    wanted = {f"{PREFIX}classifier.{name}": value for name, value in
              model.classifier.state_dict().items()}
    for path, adapted in adapters.items():
        stem = f"{PREFIX}bert.{path}."
        wanted[stem + "lora_A.weight"] = adapted.a
        wanted[stem + "lora_B.weight"] = adapted.b
        if kind == "dora":
            wanted[stem + "lora_magnitude_vector"] = adapted.magnitude
    found = load_file(peft / "adapter_model.safetensors")
    assert found.keys() == wanted.keys(), sorted(found.keys() ^ wanted.keys())
    for name, value in wanted.items():
        assert found[name].shape == value.shape, name
        assert torch.allclose(found[name], value, rtol=0, atol=1e-5), name
    config = json.loads((peft / "adapter_config.json").read_text())
    for key, value in {
            "peft_type": "LORA", "task_type": "SEQ_CLS", "r": RANK,
            "lora_alpha": ALPHA, "lora_dropout": 0.0, "bias": "none",
            "target_modules": ["query", "value"], "inference_mode": True,
            "modules_to_save": ["classifier"], "fan_in_fan_out": False,
            "use_dora": kind == "dora", "use_rslora": False,
            "base_model_name_or_path": "tiny"}.items():
        assert config[key] == value, (key, config[key])
    print(f"{len(wanted)} tensors agree")


def check_exported(folder, exported, adapters):
    base = load_file(folder / "model" / "model.safetensors")
    same = merged = 0
    for name, value in load_file(exported / "model.safetensors").items():
        name = name.removeprefix("bert.")
        path = name.removesuffix(".weight")
        if path in adapters:
            assert not torch.equal(value, base[name])
            assert torch.allclose(value, adapters[path].merged(), rtol=0,
                                  atol=1e-5), name
            merged += 1
        elif not name.startswith("classifier."):
            assert torch.equal(value, base[name]), name
            same += 1
    print(f"{merged} matrices merged, {same} tensors as they were")


def load(folder):
    config = BertConfig.from_pretrained(folder / "model", num_labels=3)
    model = BertForSequenceClassification(config).eval()
    pretrained = load_file(folder / "model" / "model.safetensors")
    missing = model.bert.load_state_dict(pretrained, strict=False).missing_keys
    assert all("position_ids" in name for name in missing), missing
    return model


def write_peft(folder, peft, kind, settings):
    model = load(folder)
    generator = torch.Generator().manual_seed(5)

    def draw(*shape):
        return 0.2 * torch.randn(shape, generator=generator)

    config = {"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 3,
              "lora_alpha": 5, "lora_dropout": 0.1, "bias": "none",
              "target_modules": ["value", "query"], "fan_in_fan_out": False,
              "modules_to_save": ["classifier", "score"],
              "base_model_name_or_path": "tiny", "inference_mode": True,
              "use_dora": kind == "dora", **settings}
    tensors = {f"{PREFIX}classifier.weight": draw(3, 32),
               f"{PREFIX}classifier.bias": draw(3)}
    for path, owner, name in targets(model, kind):
        stem = f"{PREFIX}bert.{path}."
        weight = getattr(owner, name).weight
        tensors[stem + "lora_A.weight"] = draw(config["r"], weight.shape[1])
        tensors[stem + "lora_B.weight"] = draw(weight.shape[0], config["r"])
        if config["use_dora"]:
            tensors[stem + "lora_magnitude_vector"] = (
                weight.norm(dim=1).detach() * (1 + draw(weight.shape[0])))
    peft.mkdir()
    (peft / "adapter_config.json").write_text(json.dumps(config))
    save_file(tensors, peft / "adapter_model.safetensors")


def predict(folder, peft, output):
    model = load(folder)
    config = json.loads((peft / "adapter_config.json").read_text())
    root = config["r"] if not config.get("use_rslora") else math.sqrt(config["r"])
    tensors = {name.removeprefix(PREFIX): value for name, value in
               load_file(peft / "adapter_model.safetensors").items()}
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name in tensors:
                value.copy_(tensors.pop(name))
    for name in [n for n in tensors if n.endswith(".lora_A.weight")]:
        path = name.removesuffix(".lora_A.weight")
        owner = model.get_submodule(path.rpartition(".")[0])
        linear = getattr(owner, path.rpartition(".")[2])
        setattr(owner, path.rpartition(".")[2], LowRank(
            linear, tensors.pop(name), tensors.pop(path + ".lora_B.weight"),
            config["lora_alpha"] / root,
            tensors.pop(path + ".lora_magnitude_vector", None)))
    assert not tensors, sorted(tensors)
    words = phases.vocabulary(folder)
    with open(folder / "test.tsv", newline="", encoding="utf-8") as file, \
            open(output, "w", encoding="utf-8") as out, torch.no_grad():
        for row in csv.DictReader(file, delimiter="\t"):
            ids = torch.tensor([[words[w] for w in
                                 ["[CLS]", *row["text"].split(), "[SEP]"]]])
            shares = model(input_ids=ids).logits[0].softmax(-1).tolist()
            out.write(json.dumps({"text": row["text"], "labels": [
                {"label": label, "probability": share} for label, share in
                zip(("animal", "plant", "tool"), shares, strict=True)]}) + "\n")


def main():
    what, *words = sys.argv[1:]
    if what == "predict":
        predict(*map(pathlib.Path, words))
        return
    kind, folder, *words = words
    folder = pathlib.Path(folder)
    if what == "write":
        peft, output, *settings = words
        pairs = (setting.split("=", 1) for setting in settings)
        write_peft(folder, pathlib.Path(peft), kind,
                   {key: json.loads(value) for key, value in pairs})
        predict(folder, pathlib.Path(peft), output)
        return
    start, got, *exported = map(pathlib.Path, words)
    model, begun = phases.build(folder, start, "model")
    adapters, decayed, plain = adapt(model, begun, kind)
    phases.compare(train(folder, model, adapters, decayed, plain), got, ("",),
                   TOLERANCE)
    if exported:
        check_peft(exported[0], model, adapters, kind)
        check_exported(folder, exported[1], adapters)


if __name__ == "__main__":
    main()
