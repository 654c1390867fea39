"""`dormouse train` and `dormouse eval` as measured processes."""
import json
import os
import subprocess
import time


def call(command, log):
    """Standard output; wall clock and CPU seconds; MB of memory at its most."""
    begun = time.monotonic()
    with open(log, "w+b") as out:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        out.seek(0)
        text = out.read().decode()
    if status != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {text[-500:]}")
    return text, time.monotonic() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def train(dormouse, spec, parts, model, seed, *more):
    """Trains on the first part and judges by the second, of which nothing is known before. `model` is a path without extension."""
    output = f"{model}.onnx"
    said, wall, cpu, memory = call([dormouse, "train", spec, parts[0], "--output", output, "--seed", seed, "--json", *more],
                                   f"{model}.train")
    epochs = [json.loads(line) for line in said.splitlines() if line.startswith('{"epoch"')]
    result, *_ = call([dormouse, "eval", output, parts[1], "--json"], f"{model}.eval")
    size, *_ = call([dormouse, "inspect", output, "--json"], f"{model}.inspect")
    return {"accuracy": 100 * json.loads(result)["accuracy"], "validation_loss": epochs[-1]["validation_loss"], "wall": wall,
            "cpu": cpu, "memory": memory, "parameters": json.loads(size)["parameters"]}
