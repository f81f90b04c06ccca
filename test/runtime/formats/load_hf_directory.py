# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

"""Opens an exported directory as users do, with Transformers' Auto classes.

Fails unless every tensor is found by name and shape, none is left over and
each has the bytes of the file; prints labels, token ids and probabilities.
"""

import sys

import torch
import transformers
from safetensors.torch import load_file


def main():
    directory, text = sys.argv[1:]
    kind = transformers.AutoConfig.from_pretrained(directory).architectures[0]
    classifier = kind == "BertForSequenceClassification"
    loader = (transformers.AutoModelForSequenceClassification
              if classifier else transformers.AutoModel)
    model, info = loader.from_pretrained(
        directory, output_loading_info=True, torch_dtype=torch.float32)
    for what, names in info.items():
        if names:
            sys.exit("%s: expects none, got %s" % (what, names))
    state = model.state_dict()
    for name, tensor in load_file(directory + "/model.safetensors").items():
        if not torch.equal(state[name], tensor.float()):
            sys.exit("%s: expects the values of the file" % name)
    tokens = transformers.AutoTokenizer.from_pretrained(directory)(
        text, return_tensors="pt")
    print("ids", tokens["input_ids"][0].tolist())
    with torch.no_grad():
        output = model.eval()(**tokens)
    if classifier:
        print("labels", [label for _, label in
                         sorted(model.config.id2label.items())])
        print("logits", list(output.logits.shape),
              bool(output.logits.isfinite().all()))
    else:
        print("hidden", list(output.last_hidden_state.shape))


if __name__ == "__main__":
    main()
