#!/usr/bin/env python3
"""dormouse on Vulkan beside PyTorch on the same GPU: eager, f32, TF32 off.

  gpu.py PATH/TO/dormouse PATH/TO/bench_training_step MODEL.onnx… [--device discrete] [--seconds 2] [--steps 200] [--halves]

Inference of each model, batch 1, inputs from and answers to the host; and a training step of bench_training_step's MLP and CNN at
batch 256, with the rows from the host. PyTorch runs a model's nodes one by one, as a module written by hand would. The two take turns,
three rounds each, and the least median counts; at the end the geometric mean of the ratios. With --halves both run each model in f16,
and so eight large linear layers, and dormouse the same model in f32, too, all with their weights in the file; nothing is trained.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import tempfile
import time

import numpy
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import nn

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
GPU = torch.device("cuda")


def spatial(pads, auto, x, kernel, strides, dilations):
    """Pads as F.pad takes them: last axis first."""
    rank = len(kernel)
    if auto in (b"SAME_UPPER", b"SAME_LOWER"):
        pads = [0] * (2 * rank)
        for d in range(rank):
            reach = (kernel[d] - 1) * dilations[d] + 1
            total = max(0, (math.ceil(x.shape[2 + d] / strides[d]) - 1) * strides[d] + reach - x.shape[2 + d])
            pads[d], pads[rank + d] = (total // 2, total - total // 2) if auto == b"SAME_UPPER" else (total - total // 2, total // 2)
    pads = pads or [0] * (2 * rank)
    return [pads[side * rank + d] for d in reversed(range(rank)) for side in (0, 1)]


def symmetric(pads):
    return all(pads[i] == pads[i + 1] for i in range(0, len(pads), 2))


def conv(a, x, w, b=None):
    rank = w.dim() - 2
    strides, dilations = a.get("strides", [1] * rank), a.get("dilations", [1] * rank)
    pads = spatial(a.get("pads"), a.get("auto_pad"), x, list(w.shape[2:]), strides, dilations)
    if not symmetric(pads):
        x, pads = F.pad(x, pads), [0] * len(pads)
    f = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[rank]
    return f(x, w, b, strides, pads[::2][::-1], dilations, a.get("group", 1))


def pool(a, x, largest):
    kernel = a["kernel_shape"]
    rank = len(kernel)
    strides = a.get("strides", [1] * rank)
    pads = spatial(a.get("pads"), a.get("auto_pad"), x, kernel, strides, [1] * rank)
    ceil = bool(a.get("ceil_mode", 0))
    if not symmetric(pads):
        x, pads = F.pad(x, pads, value=-math.inf if largest else 0.0), [0] * len(pads)
    if largest:
        return F.max_pool2d(x, kernel, strides, pads[::2][::-1], ceil_mode=ceil)
    return F.avg_pool2d(x, kernel, strides, pads[::2][::-1], ceil, bool(a.get("count_include_pad", 0)))


def gemm(a, x, w, b=None):
    x, w = x.T if a.get("transA") else x, w.T if a.get("transB") else w
    y = a.get("alpha", 1.0) * (x @ w) if a.get("alpha", 1.0) != 1 else x @ w
    return y if b is None else y + b * a.get("beta", 1.0)


def axes_of(a, given, x):
    axes = given.tolist() if given is not None else a.get("axes")
    return list(range(x.dim())) if axes is None else axes


def sliced(a, x, starts=None, ends=None, axes=None, steps=None):
    starts = a["starts"] if starts is None else starts.tolist()
    ends = a["ends"] if ends is None else ends.tolist()
    axes = a.get("axes", list(range(len(starts)))) if axes is None else axes.tolist()
    index = [slice(None)] * x.dim()
    for k, axis in enumerate(axes):
        index[axis] = slice(starts[k], min(ends[k], x.shape[axis]), None if steps is None else int(steps[k]))
    return x[tuple(index)]


def resized(a, x, roi=None, scales=None, sizes=None):
    mode = {"nearest": "nearest", "linear": "bilinear"}[a.get("mode", b"nearest").decode()]
    size = [int(n) for n in sizes[2:]] if sizes is not None and sizes.numel() else [int(n * s) for n, s in zip(x.shape[2:], scales[2:].tolist())]
    return F.interpolate(x, size=size, mode=mode)


def unsqueezed(a, x, axes=None):
    for axis in sorted(a["axes"] if axes is None else axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def squeezed(a, x, axes=None):
    axes = a.get("axes") if axes is None else axes.tolist()
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


def split(a, x, sizes=None):
    sizes = a.get("split") if sizes is None else sizes.tolist()
    axis = a.get("axis", 0)
    return torch.split(x, sizes, axis) if sizes else torch.chunk(x, a["outputs"], axis)


def clip(a, x, low=None, high=None):
    low, high = a.get("min", low), a.get("max", high)
    return torch.clamp(x, None if low is None else float(low), None if high is None else float(high))


def reshaped(x, shape):
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape.tolist())])


TYPES = {1: torch.float32, 10: torch.float16, 6: torch.int32, 7: torch.int64, 9: torch.bool, 11: torch.float64}
OPS = {
    "Conv": conv, "Gemm": gemm, "Clip": clip, "Slice": sliced, "Resize": resized, "Upsample": lambda a, x, s: resized(a, x, None, s),
    "Unsqueeze": unsqueezed, "Squeeze": squeezed, "Split": split,
    "MaxPool": lambda a, x: pool(a, x, True), "AveragePool": lambda a, x: pool(a, x, False),
    "GlobalAveragePool": lambda a, x: x.mean(tuple(range(2, x.dim())), True),
    "BatchNormalization": lambda a, x, s, b, m, v: F.batch_norm(x, m, v, s, b, False, 0.0, a.get("epsilon", 1e-5)),
    "LayerNormalization": lambda a, x, s, b=None: F.layer_norm(x, s.shape, s, b, a.get("epsilon", 1e-5)),
    "LRN": lambda a, x: F.local_response_norm(x, a["size"], a.get("alpha", 1e-4), a.get("beta", 0.75), a.get("bias", 1.0)),
    "Relu": lambda a, x: F.relu(x), "LeakyRelu": lambda a, x: F.leaky_relu(x, a.get("alpha", 0.01)),
    "Sigmoid": lambda a, x: torch.sigmoid(x), "Tanh": lambda a, x: torch.tanh(x), "Exp": lambda a, x: torch.exp(x),
    "Erf": lambda a, x: torch.erf(x), "Sqrt": lambda a, x: torch.sqrt(x), "Abs": lambda a, x: x.abs(), "Neg": lambda a, x: -x,
    "HardSigmoid": lambda a, x: torch.clamp(a.get("alpha", 0.2) * x + a.get("beta", 0.5), 0, 1), "HardSwish": lambda a, x: F.hardswish(x),
    "Softmax": lambda a, x: torch.softmax(x, a.get("axis", -1)), "Identity": lambda a, x: x, "Dropout": lambda a, x, *_: x,
    "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y, "Mul": lambda a, x, y: x * y, "Div": lambda a, x, y: x / y,
    "Pow": lambda a, x, y: x**y, "MatMul": lambda a, x, y: x @ y, "Sum": lambda a, *x: sum(x[1:], x[0]),
    "Concat": lambda a, *x: torch.cat(x, a["axis"]), "Reshape": lambda a, x, s: reshaped(x, s),
    "Flatten": lambda a, x: x.reshape(math.prod(x.shape[:a.get("axis", 1)]), -1), "Transpose": lambda a, x: x.permute(a["perm"]),
    "ReduceMean": lambda a, x, n=None: x.mean(axes_of(a, n, x), bool(a.get("keepdims", 1))),
    "ReduceSum": lambda a, x, n=None: x.sum(axes_of(a, n, x), bool(a.get("keepdims", 1))),
    "Shape": lambda a, x: torch.tensor(x.shape), "Gather": lambda a, x, i: torch.index_select(x, a.get("axis", 0), i.flatten().to(x.device)).reshape(
        list(x.shape[:a.get("axis", 0)]) + list(i.shape) + list(x.shape[a.get("axis", 0) + 1:])),
    "Cast": lambda a, x: x.to(TYPES[a["to"]]), "Pad": lambda a, x, p=None, *_: F.pad(
        x, [(p.tolist() if p is not None else a["pads"])[side * x.dim() + d] for d in reversed(range(x.dim())) for side in (0, 1)]),
}


def extents(shape):
    """What is open counts as 1, but an open image is one of a line of text."""
    dims = [d.dim_value for d in shape.dim]
    if len(dims) == 4 and dims[2:] == [0, 0]:
        dims[2:] = [48, 192]
    return [max(d, 1) for d in dims]


def variant(path, folder, halves):
    """The model with its weights in it, and f16 for f32 where asked for, but for what Resize takes as f32 alone."""
    model = onnx.load(path)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in [n for n in model.graph.node if n.op_type == "ConstantOfShape" and n.input[0] in constants]:
        value = numpy_helper.to_array(node.attribute[0].t)[0] if node.attribute else numpy.float32(0)
        model.graph.initializer.append(numpy_helper.from_array(numpy.full(constants[node.input[0]], value), node.output[0]))
        model.graph.node.remove(node)
    made = os.path.join(folder, ("halves-" if halves else "") + os.path.basename(path))
    if not halves:
        onnx.save(model, made)
        return made
    kept = {name for node in model.graph.node if node.op_type in ("Resize", "Upsample") for name in node.input[1:]}

    def narrow(tensor):
        if tensor.data_type == 1 and tensor.name not in kept:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(numpy.float16), tensor.name))
    for tensor in model.graph.initializer:
        narrow(tensor)
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        if value.type.tensor_type.elem_type == 1 and value.name not in kept:
            value.type.tensor_type.elem_type = 10
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR and not kept & set(node.output):
                narrow(attribute.t)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == 1:
                attribute.i = 10
            if node.op_type == "Constant" and attribute.name in ("value_float", "value_floats"):
                raise NotImplementedError(attribute.name)
    onnx.save(model, made)
    return made


def linear_layers(folder, layers=8, width=2048, batch=512):
    """A model that is hardly more than products."""
    random = numpy.random.default_rng(1)
    weights = [numpy_helper.from_array(random.normal(0, width**-0.5, (width, width)).astype(numpy.float32), f"w{i}") for i in range(layers)]
    nodes = [node for i in range(layers) for node in (onnx.helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"y{i}"]),
                                                      onnx.helper.make_node("Relu", [f"y{i}"], [f"x{i + 1}"]))]
    values = [onnx.helper.make_tensor_value_info(name, 1, [batch, width]) for name in ("x0", f"x{layers}")]
    made = os.path.join(folder, f"{layers} linear layers {width}, batch {batch}")
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(nodes, "layers", values[:1], values[1:], weights),
                                     opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), made + ".onnx")
    return made + ".onnx"


class Model:
    """An ONNX graph, node by node. Constants of shapes stay on the host, where PyTorch wants them."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        self.constants = {}
        for tensor in graph.initializer:
            self.keep(tensor.name, tensor)
        self.nodes = []
        for node in graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Constant":
                self.keep(node.output[0], attributes["value"])
                continue
            if node.op_type == "ConstantOfShape":
                value = numpy_helper.to_array(attributes["value"])[0] if "value" in attributes else numpy.float32(0)
                self.constants[node.output[0]] = torch.full(self.constants[node.input[0]].tolist(), float(value), device=GPU,
                                                              dtype=torch.from_numpy(numpy.array([value])).dtype)
                continue
            if node.op_type not in OPS:
                raise NotImplementedError(node.op_type)
            attributes["outputs"] = len(node.output)
            self.nodes.append((OPS[node.op_type], attributes, list(node.input), list(node.output)))
        self.inputs = {i.name: extents(i.type.tensor_type.shape) for i in graph.input if i.name not in self.constants}
        self.integers = {i.name for i in graph.input if i.type.tensor_type.elem_type in (6, 7)}
        self.halves = {i.name for i in graph.input if i.type.tensor_type.elem_type == 10}
        self.outputs = [o.name for o in graph.output]

    def keep(self, name, tensor):
        array = torch.from_numpy(numpy_helper.to_array(tensor).copy())
        self.constants[name] = array.to(GPU) if array.dtype in (torch.float32, torch.float16) and array.dim() > 0 else array

    @torch.no_grad()
    def __call__(self, given):
        values = dict(self.constants) | {name: torch.from_numpy(array).to(GPU) for name, array in given.items()}
        for op, attributes, inputs, outputs in self.nodes:
            made = op(attributes, *(values[name] if name else None for name in inputs))
            for name, value in zip(outputs, made if isinstance(made, (tuple, list)) else (made,)):
                values[name] = value
        return [values[name].cpu() for name in self.outputs]


def median_ms(run, seconds):
    for _ in range(10):
        run()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        begun = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(times)


def perceptron():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def convolutional():
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))


def step_of(make, shape):
    torch.manual_seed(1)
    model, x, y = make().to(GPU), torch.randn(shape), torch.arange(shape[0]) % 10
    optimiser, loss_of = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), nn.CrossEntropyLoss()

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(model(x.to(GPU)), y.to(GPU))
        loss.backward()
        optimiser.step()
        return loss.item()
    return step


def dormouse_bench(options, environment, path, shapes):
    named = ",".join(f"{name}={'x'.join(map(str, shape))}" for name, shape in shapes.items())
    said = subprocess.run([options.dormouse, "bench", path, "--shape", named, "--driver", "vulkan", "--seconds", str(options.seconds), "--json"],
                          env=environment, capture_output=True, text=True)
    if said.returncode:
        raise RuntimeError(said.stderr.strip())
    return json.loads(said.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dormouse")
    parser.add_argument("training_step")
    parser.add_argument("models", nargs="*")
    parser.add_argument("--device", default="discrete")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--halves", action="store_true")
    options = parser.parse_args()
    environment = dict(os.environ, DORMOUSE_VULKAN_DEVICE=options.device)
    print(f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}; milliseconds")
    ratios, folder = [], tempfile.mkdtemp()

    def show(name, ours, theirs, wide):
        ratios.append(min(ours) / min(theirs))
        in_f32 = f"{min(wide):10.3f}" if wide else ""
        print(f"{name:40}{min(ours):10.3f}{min(theirs):10.3f}{ratios[-1]:8.2f}{in_f32}", flush=True)
    print(f"{'':40}{'dormouse':>10}{'PyTorch':>10}{'ratio':>8}{'in f32' if options.halves else '':>10}")
    for path in options.models + ([linear_layers(folder)] if options.halves else []):
        try:
            of_f32 = path
            if options.halves:
                of_f32, path = variant(path, folder, False), variant(path, folder, True)
            model = Model(path)
            given = {name: numpy.ones(shape, numpy.int64) if name in model.integers else numpy.random.default_rng(1).uniform(-1, 1, shape).astype(
                numpy.float16 if name in model.halves else numpy.float32) for name, shape in model.inputs.items()}
            ours, theirs, wide = [], [], []
            for _ in range(3):
                ours.append(dormouse_bench(options, environment, path, model.inputs)["latency_us"]["p50"] / 1e3)
                theirs.append(median_ms(lambda: model(given), options.seconds))
                if options.halves:
                    wide.append(dormouse_bench(options, environment, of_f32, model.inputs)["latency_us"]["p50"] / 1e3)
            show(os.path.basename(path), ours, theirs, wide)
        except (NotImplementedError, RuntimeError, KeyError, ValueError, TypeError, IndexError) as error:
            print(f"{os.path.basename(path):40}  left out: {type(error).__name__} {str(error)[:150]}", flush=True)
    for name, make, shape in () if options.halves else (("mlp", perceptron, (256, 784)), ("cnn", convolutional, (256, 1, 28, 28))):
        ours, theirs = [], []
        for _ in range(3):
            said = subprocess.run([options.training_step, "--batch", "256", "--steps", str(options.steps)], env=environment,
                                  check=True, capture_output=True, text=True).stdout
            lines = {line["model"]: line for line in map(json.loads, said.splitlines())}
            ours.append(lines[name]["median_ms"])
            theirs.append(median_ms(step_of(make, shape), options.seconds))
        share = ", ".join(f"{driver} {100 * part:.0f}%" for driver, part in lines[name]["share"].items())
        show(f"{name}, training step at 256 ({share})", ours, theirs, [])
    print(f"geometric mean of {len(ratios)}: {statistics.geometric_mean(ratios):.2f}")


if __name__ == "__main__":
    main()
