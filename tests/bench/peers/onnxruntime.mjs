// Runs a model with ONNX Runtime: node onnxruntime.mjs MODEL.onnx FOLDER
// Reads input_0.npy, input_1.npy … of FOLDER in the model's order, writes output_0.npy … beside them.
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import ort from 'onnxruntime-node';

const kinds = {
  '<f4': ['float32', Float32Array], '<f8': ['float64', Float64Array], '<i4': ['int32', Int32Array],
  '<i8': ['int64', BigInt64Array], '|u1': ['uint8', Uint8Array], '|i1': ['int8', Int8Array], '|b1': ['bool', Uint8Array]
};

function readNpy(path) {
  const file = readFileSync(path);
  const wide = file[6] > 1;  // version 2 has a longer length field
  const start = wide ? 12 : 10;
  const length = wide ? file.readUInt32LE(8) : file.readUInt16LE(8);
  const header = file.toString('latin1', start, start + length);
  const [type, Elements] = kinds[/'descr': '([^']+)'/.exec(header)[1]];
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].split(',').map(s => s.trim()).filter(s => s).map(Number);
  const bytes = new Uint8Array(file.subarray(start + length)).buffer;  // a copy is aligned
  return new ort.Tensor(type, new Elements(bytes), shape);
}

function writeNpy(path, tensor) {
  const descr = Object.keys(kinds).find(key => kinds[key][0] === tensor.type);
  const dims = tensor.dims.length === 1 ? `${tensor.dims[0]},` : tensor.dims.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + '\n';  // data begin at a multiple of 64
  const lead = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  const data = tensor.data;
  writeFileSync(path, Buffer.concat([lead, Buffer.from(header, 'latin1'), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}

const [model, folder] = process.argv.slice(2);
const session = await ort.InferenceSession.create(model, {intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3});
const feeds = {};
session.inputNames.forEach((name, i) => feeds[name] = readNpy(join(folder, `input_${i}.npy`)));
const results = await session.run(feeds);
session.outputNames.forEach((name, i) => writeNpy(join(folder, `output_${i}.npy`), results[name]));
