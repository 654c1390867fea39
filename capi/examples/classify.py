#!/usr/bin/env python3
"""classify.py MODEL.onnx INPUT.f32: what classify.c does, from Python's standard library.

Input and output are buffers shared with the library: nothing is copied on the way. numpy arrays would do as well:
their address is array.ctypes.data, and numpy.frombuffer(view, dtype) reads an output in place.
"""
import array
import ctypes
import math
import os
import sys

DYNAMIC, F32, READ_SLACK = -1, 1, 64


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * 1024)]


class Tensor(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("rank", ctypes.c_int32), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("data", ctypes.c_void_p), ("bytes", ctypes.c_size_t)]


class Value(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", ctypes.c_int), ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64))]


def load_library():
    library = ctypes.CDLL(os.environ.get("LIBDORMOUSE", "libdormouse.so.1"))
    for name in ("dormouse_model_free", "dormouse_result_free"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
        getattr(library, name).restype = None
    library.dormouse_input.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.dormouse_input.restype = ctypes.POINTER(Value)
    library.dormouse_result_output.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.dormouse_result_output.restype = ctypes.POINTER(Tensor)
    library.dormouse_copied_inputs.argtypes = [ctypes.c_void_p]
    library.dormouse_copied_inputs.restype = ctypes.c_size_t
    return library


library = load_library()


def check(function, *arguments):
    """Calls a function whose last argument is where an error goes."""
    error = Error()
    if function(*arguments, ctypes.byref(error)) != 0:
        sys.exit(f"classify.py: {error.message.decode()}")


class Model:
    def __init__(self, path):
        self.handle = ctypes.c_void_p()
        check(library.dormouse_load, os.fsencode(path), None, ctypes.byref(self.handle))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        library.dormouse_model_free(self.handle)

    def input_shape(self):
        value = library.dormouse_input(self.handle, 0).contents
        return [1 if extent == DYNAMIC else extent for extent in value.shape[:value.rank]]

    def run(self, values, shape):
        """Calls the model on `values`, a writable buffer of floats; returns the first output as a list.

        The buffer may be longer than the shape takes: READ_SLACK bytes more let the library read it in place.
        """
        view = memoryview(values).cast("B")
        shared = (ctypes.c_char * len(view)).from_buffer(view)
        extents = (ctypes.c_int64 * len(shape))(*shape)
        tensor = Tensor(F32, len(shape), extents, ctypes.addressof(shared), len(view))
        result = ctypes.c_void_p()
        check(library.dormouse_run, self.handle, ctypes.byref(tensor), ctypes.c_size_t(1), ctypes.byref(result))
        output = library.dormouse_result_output(result, 0).contents
        lent = memoryview((ctypes.c_char * output.bytes).from_address(output.data)).cast("B").cast("f")
        scores = list(lent)  # what is lent goes with the result
        lent.release()
        library.dormouse_result_free(result)
        return scores


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: classify.py MODEL.onnx INPUT.f32")
    with Model(sys.argv[1]) as model:
        shape = model.input_shape()
        values = array.array("f")
        with open(sys.argv[2], "rb") as file:
            values.fromfile(file, math.prod(shape))
        values.frombytes(bytes(READ_SLACK))
        scores = model.run(values, shape)
        for index in sorted(range(len(scores)), key=lambda i: -scores[i])[:5]:
            print(f"class {index}: {scores[index]:.4f}")
        print(f"copied inputs: {library.dormouse_copied_inputs(model.handle)}")


if __name__ == "__main__":
    main()
