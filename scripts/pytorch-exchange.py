#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares Rondo's files in PyTorch's layout with PyTorch, in both directions. No test runs it: it needs torch and
safetensors (pip install torch==2.13.0 safetensors numpy).

  scripts/pytorch-exchange.py write tests/frontend/data
      for each model below writes NAME.safetensors, a state_dict, and NAME.run.safetensors: inputs and what PyTorch
      computes from them. The tests of the frontend load the former and compare with the latter.

  RONDO_TEST_KEEP=DIR build/release/bin/test_frontend -tc='*PyTorch*'
  scripts/pytorch-exchange.py check DIR
      loads what Rondo wrote under these names: its own first weights, and what it computes from them; prints the
      largest difference from what PyTorch computes, and fails if one is above 1e-5.
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

INPUTS, HIDDEN, WORDS, LABELS = 3, 4, 11, 5
TIME, LENGTHS = 7, [7, 3, 5, 1]
TOLERANCE = 1e-5


class Recurrent(nn.Module):
    def __init__(self, kind, layers, bidirectional):
        super().__init__()
        self.rnn = kind(INPUTS, HIDDEN, layers, bidirectional=bidirectional)

    def inputs(self):
        directions = 2 if self.rnn.bidirectional else 1
        states = (self.rnn.num_layers * directions, len(LENGTHS), HIDDEN)
        run = {"x": torch.randn(TIME, len(LENGTHS), INPUTS), "length": torch.tensor(LENGTHS, dtype=torch.int32)}
        run["h0"] = torch.randn(states)
        if isinstance(self.rnn, nn.LSTM):
            run["c0"] = torch.randn(states)
        return run

    def forward(self, run):
        packed = pack_padded_sequence(run["x"], run["length"].long(), enforce_sorted=False)
        if isinstance(self.rnn, nn.LSTM):
            packed, (h, c) = self.rnn(packed, (run["h0"], run["c0"]))
            states = {"h": h, "c": c}
        else:
            packed, h = self.rnn(packed, run["h0"])
            states = {"h": h}
        return {"all": pad_packed_sequence(packed, total_length=TIME)[0], **states}


class Classifier(nn.Module):
    """Embedding, two bidirectional layers of LSTM, linear."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, INPUTS)
        self.lstm = nn.LSTM(INPUTS, HIDDEN, 2, bidirectional=True)
        self.out = nn.Linear(2 * HIDDEN, LABELS)

    def inputs(self):
        words = torch.randint(WORDS, (TIME, len(LENGTHS)), dtype=torch.int32)
        return {"words": words, "length": torch.tensor(LENGTHS, dtype=torch.int32)}

    def forward(self, run):
        x = self.words(run["words"])
        packed = pack_padded_sequence(x, run["length"].long(), enforce_sorted=False)
        h = self.lstm(packed)[1][0]
        return {"logits": self.out(torch.cat([h[-2], h[-1]], -1))}


def models():
    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        name = kind.__name__.lower()
        yield name, Recurrent(kind, 1, False)
        yield name + "-2", Recurrent(kind, 2, False)
        yield name + "-3-bidirectional", Recurrent(kind, 3, True)
    yield "classifier", Classifier()


@torch.no_grad()
def write(folder):
    torch.manual_seed(1)
    for name, model in models():
        for parameter in model.parameters():
            parameter *= 2  # so that the gates are not all near a half
        inputs = model.inputs()
        save_file(model.state_dict(), folder / f"{name}.safetensors", {"format": "pt"})
        run = {key: value.contiguous() for key, value in {**inputs, **model(inputs)}.items()}
        save_file(run, folder / f"{name}.run.safetensors")


@torch.no_grad()
def check(folder):
    worst = 0
    for name, model in models():
        model.load_state_dict(load_file(folder / f"{name}.safetensors"))
        run = load_file(folder / f"{name}.run.safetensors")
        difference = max((run[key] - value).abs().max().item() for key, value in model(run).items())
        worst = max(worst, difference)
        print(f"{name:20} {difference:.2g}")
    return worst <= TOLERANCE


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("write", "check"):
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[2])
    if sys.argv[1] == "write":
        folder.mkdir(parents=True, exist_ok=True)
        write(folder)
    elif not check(folder):
        sys.exit(f"differences above {TOLERANCE}")
