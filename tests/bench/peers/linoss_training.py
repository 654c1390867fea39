#!/usr/bin/env python3
"""The training steps of `bench_linoss train` in PyTorch, and both side by side.

  linoss_training.py PATH/TO/bench_linoss [--threads 1] [--rounds 10]

D-LinOSS of 134,000 parameters and an LSTM of as many (nn.LSTM), sequences of 1,024 samples: forward, backward and SGD with momentum.
PyTorch has no scan for oscillators. They are computed in three ways, checked against each other first: as a convolution by FFT, by
doubling (log2 T rounds of tensor operations on the whole sequence), and step by step. The two programs take turns, three times each, and the least
median counts.
"""
import argparse
import json
import statistics
import subprocess
import time

import torch
from torch import nn

CHANNELS, CLASSES, BATCH, STEPS, HIDDEN, OSCILLATORS, BLOCKS, LSTM_WIDTH = 6, 5, 4, 1024, 128, 64, 2, 178
LEAST = 1e-4  # stiffness and damping


def doubled(m, x):
    """w_t = m·w_{t-1} + x_t from rest; m [2, 2, C], x [N, T, 2, C]. After k rounds w_t holds the last 2^k of its terms."""
    w, power, reach = x, m, 1
    while reach < x.shape[1]:
        moved = (power * w[:, :-reach].unsqueeze(2)).sum(3)
        w = torch.cat([w[:, :reach], w[:, reach:] + moved], dim=1)
        power = torch.einsum("ijc,jkc->ikc", power, power)
        reach *= 2
    return w


# Ways to the positions of oscillators, [N, T, C], from m, gains [2, C] and what drives them, [N, T, C].


def by_doubling(m, gains, drive):
    return doubled(m, drive.unsqueeze(2) * gains)[:, :, 1]


def by_fft(m, gains, drive):
    """A convolution with the answer to an impulse."""
    steps = drive.shape[1]
    impulse = torch.cat([gains.unsqueeze(0), gains.new_zeros(steps - 1, *gains.shape)]).unsqueeze(0)
    kernel = doubled(m, impulse)[:, :, 1]
    product = torch.fft.rfft(drive, 2 * steps, dim=1) * torch.fft.rfft(kernel, 2 * steps, dim=1)
    return torch.fft.irfft(product, 2 * steps, dim=1)[:, :steps]


def step_by_step(m, gains, drive):
    x, states = drive.unsqueeze(2) * gains, []
    w = torch.zeros_like(x[:, 0])
    for t in range(x.shape[1]):
        w = (m * w.unsqueeze(1)).sum(2) + x[:, t]
        states.append(w[:, 1])
    return torch.stack(states, dim=1)


class Block(nn.Module):
    def __init__(self, positions):
        super().__init__()
        self.positions = positions
        self.stiffness, self.damping = nn.Parameter(torch.rand(OSCILLATORS)), nn.Parameter(0.1 * torch.rand(OSCILLATORS))
        self.step = nn.Parameter(0.5 * torch.randn(OSCILLATORS))
        self.input = nn.Parameter(torch.randn(HIDDEN, 2 * OSCILLATORS) / HIDDEN**0.5)
        self.output = nn.Parameter(torch.randn(2 * OSCILLATORS, HIDDEN) / OSCILLATORS**0.5)
        self.feedthrough = nn.Parameter(torch.randn(HIDDEN))
        self.norm, self.gate = nn.LayerNorm(HIDDEN), nn.Linear(HIDDEN, 2 * HIDDEN)

    def recurrence(self):
        h, g = torch.sigmoid(self.step), self.damping.clamp(min=LEAST)
        r = torch.sqrt(1 + h * g)
        low, high = ((g / (r + 1)) ** 2).clamp(min=LEAST), ((r + 1) / h) ** 2
        a, s = torch.minimum(torch.maximum(self.stiffness, low), high), 1 / (1 + h * g)
        hs = h * s
        m = torch.stack([s, -hs * a, hs, 1 - h * hs * a]).reshape(2, 2, -1)
        return m.repeat(1, 1, 2), torch.stack([hs, h * hs]).repeat(1, 2)

    def forward(self, x):
        u = self.norm(x)
        m, gains = self.recurrence()
        y = self.positions(m, gains, u @ self.input)
        y = nn.functional.gelu(y @ self.output + u * self.feedthrough, approximate="tanh")
        return x + nn.functional.glu(self.gate(y))


class Linoss(nn.Module):
    def __init__(self, positions):
        super().__init__()
        self.encoder, self.head = nn.Linear(CHANNELS, HIDDEN), nn.Linear(HIDDEN, CLASSES)
        self.blocks = nn.Sequential(*(Block(positions) for _ in range(BLOCKS)))

    def forward(self, x):
        return self.head(self.blocks(self.encoder(x)).mean(dim=1))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(CHANNELS, LSTM_WIDTH, batch_first=True), nn.Linear(LSTM_WIDTH, CLASSES)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


MODELS = {"D-LinOSS": lambda: Linoss(by_fft), "D-LinOSS by doubling": lambda: Linoss(by_doubling),
          "D-LinOSS step by step": lambda: Linoss(step_by_step), "LSTM": Lstm}


def check_ways():
    torch.manual_seed(1)
    m, gains = Block(by_fft).double().recurrence()
    drive = torch.randn(2, 100, 2 * OSCILLATORS, dtype=torch.float64)
    expected = step_by_step(m, gains, drive)
    for way in (by_fft, by_doubling):
        assert torch.allclose(way(m, gains, drive), expected, rtol=1e-9, atol=1e-9)


def median_ms(name, rounds):
    torch.manual_seed(1)
    model, x, y = MODELS[name](), torch.randn(BATCH, STEPS, CHANNELS), torch.arange(BATCH) % CLASSES
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9)
    loss_of, times = nn.CrossEntropyLoss(), []
    for step in range(2 + rounds):
        begun = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        loss_of(model(x), y).backward()
        optimiser.step()
        if step >= 2:
            times.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    check_ways()
    command = [options.program, "train", "--json", "yes", "--threads", str(options.threads), "--rounds", str(options.rounds)]
    ours, theirs = {}, {}
    for _ in range(3):
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            result = json.loads(line)
            ours.setdefault(result["model"], []).append(result["median_ms"])
        for name in MODELS:
            theirs.setdefault(name, []).append(median_ms(name, options.rounds))
    print(f"PyTorch {torch.__version__}, {options.threads} thread(s): {BATCH} sequences of {STEPS} samples a step")
    print(f"{'model':24}{'dormouse ms':>12}{'PyTorch ms':>12}{'ratio':>8}{'samples/ms':>12}{'':>4}samples/ms")
    for name in MODELS:
        other = min(theirs[name])
        mine = min(ours.get(name, [float("nan")]))
        print(f"{name:24}{mine:12.1f}{other:12.1f}{mine / other:8.2f}{BATCH * STEPS / mine:12.1f}{BATCH * STEPS / other:14.1f}")
    print(f"D-LinOSS over LSTM, samples/ms: dormouse {min(ours['LSTM']) / min(ours['D-LinOSS']):.1f}, "
          f"PyTorch {min(theirs['LSTM']) / min(theirs['D-LinOSS']):.1f}")


if __name__ == "__main__":
    main()
