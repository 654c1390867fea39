#!/usr/bin/env python3
"""The steps of bench_training_step in PyTorch, and both side by side.

  training_step.py PATH/TO/bench_training_step [--threads 1] [--steps 200]

The two take turns, three rounds each, and the least median counts.
"""
import argparse
import json
import statistics
import subprocess
import time

import torch
from torch import nn


def perceptron():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def convolutional():
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))


MODELS = {"mlp": (perceptron, (64, 784)), "cnn": (convolutional, (64, 1, 28, 28))}


def median_ms(name, steps):
    make, shape = MODELS[name]
    torch.manual_seed(1)
    model, x, y = make(), torch.randn(shape), torch.arange(64) % 10
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    loss_of = nn.CrossEntropyLoss()
    times = []
    for step in range(10 + steps):
        begun = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        loss_of(model(x), y).backward()
        optimiser.step()
        if step >= 10:
            times.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    command = [options.program, "--threads", str(options.threads), "--steps", str(options.steps)]
    ours, theirs, lines = {}, {}, {}
    for _ in range(3):
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            result = json.loads(line)
            lines[result["model"]] = result
            ours.setdefault(result["model"], []).append(result["median_ms"])
        for name in MODELS:
            theirs.setdefault(name, []).append(median_ms(name, options.steps))
    print(f"PyTorch {torch.__version__}, {options.threads} thread(s), milliseconds a step at batch 64")
    print(f"{'model':8}{'dormouse':>10}{'PyTorch':>10}{'ratio':>8}  share by driver; memory grown")
    for name in MODELS:
        mine, other, line = min(ours[name]), min(theirs[name]), lines[name]
        share = ", ".join(f"{driver} {100 * part:.0f}%" for driver, part in line["share"].items())
        print(f"{name:8}{mine:10.3f}{other:10.3f}{mine / other:8.2f}  {share}; {line['grown_mib']} MiB")


if __name__ == "__main__":
    main()
