"""ONNX files field by field: what make.py needs of onnx.proto, without the onnx package."""
import struct

import numpy as np


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(int(value))


def real(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def data(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


TYPES = {np.dtype("f4"): 1, np.dtype("u1"): 2, np.dtype("i4"): 6, np.dtype("i8"): 7, np.dtype("f8"): 11}


def tensor(array, name=""):
    array = np.asarray(array)
    dims = b"".join(number(1, extent) for extent in array.shape)
    return dims + number(2, TYPES[array.dtype]) + data(8, name) + data(9, array.tobytes())


def attribute(name, value):
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        fields, kind = b"".join(real(7, v) for v in value.ravel()), 6
    elif isinstance(value, np.ndarray):
        fields, kind = data(5, tensor(value)), 4
    elif isinstance(value, str):
        fields, kind = data(4, value), 3
    elif isinstance(value, float):
        fields, kind = real(2, value), 1
    elif isinstance(value, (bool, int, np.integer)):
        fields, kind = number(3, value), 2
    elif value and isinstance(value[0], str):
        fields, kind = b"".join(data(9, v) for v in value), 8
    elif value and isinstance(value[0], (float, np.floating)):
        fields, kind = b"".join(real(7, v) for v in value), 6
    else:
        fields, kind = b"".join(number(8, v) for v in value), 7
    return data(5, data(1, name) + fields + number(20, kind))


def node(op, inputs, outputs, domain="ai.onnx.ml", **attributes):
    text = b"".join(data(1, i) for i in inputs) + b"".join(data(2, o) for o in outputs)
    text += data(3, outputs[0]) + data(4, op)
    text += b"".join(attribute(k, v) for k, v in attributes.items())
    return data(1, text + data(7, domain))


def strings(name, values):
    return data(5, number(1, len(values)) + number(2, 8) + data(8, name) + b"".join(data(6, v) for v in values))


def initialiser(name, array):
    return data(5, tensor(array, name))


def value(name, dtype, shape):
    dims = b"".join(data(1, data(2, "N") if extent is None else number(1, extent)) for extent in shape)
    return data(1, name) + data(2, data(1, number(1, TYPES[np.dtype(dtype)]) + data(2, dims)))


def model(graph, inputs, outputs, opset=15, ml=1):
    """inputs: (name, type, shape); outputs: names, of whatever type they turn out to have."""
    for name, dtype, shape in inputs:
        graph += data(11, value(name, dtype, shape))
    for output in outputs:
        graph += data(12, output if isinstance(output, bytes) else data(1, output))
    graph += data(2, "sklearn")
    opsets = data(8, number(2, opset)) + data(8, data(1, "ai.onnx.ml") + number(2, ml))
    return number(1, 8) + data(2, "make.py") + data(7, graph) + opsets
