/**
 * What the page holds: one text in JSON, and one block of bytes that it points into.
 *
 * @typedef {{shape: number[], dtype: "float16" | "float32" | "uint8", at: number}} Entry  where an array lies
 *   in the block
 * @typedef {{shape: number[], data: Float32Array}} Tensor  numbers in the order row, column, map; the last changes
 *   fastest
 *
 * @typedef {object} Layer  one call of a layer
 * @property {string} name  its own name: "code (call 2)" where the layer `code` is called again
 * @property {string} layer  the layer's name in Keras
 * @property {string} class  the layer's class in Keras
 * @property {string} kind  one of those in layers.js
 * @property {string[]} inputs  names of the layers whose outputs it takes, or of the net's input
 * @property {number[]} shape  of its output, without the batch
 * @property {number} parameters
 * @property {number} multiply_adds
 * @property {Record<string, any>} options
 * @property {Record<string, Tensor>} weights
 *
 * @typedef {object} Model
 * @property {string} name
 * @property {string} title
 * @property {"classifier" | "autoencoder"} kind
 * @property {string} python
 * @property {{name: string, shape: number[], pixels: number[], preprocess: any[], python: string,
 *   ink: "light" | "dark" | null}} input
 * @property {string[] | null} classes
 * @property {Layer[]} layers  each after those that it takes the outputs of
 * @property {Map<string, Layer>} byName
 * @property {string} output  name of the last layer
 * @property {string | null} code  name of an autoencoder's code
 * @property {{mean: Tensor, components: Tensor, images: number} | null} pca
 * @property {{values: Tensor, mean: Tensor, plane: Tensor | null, labels: number[]} | null} codes
 *
 * @typedef {{shape: number[], count: number, labels: number[], classes: string[], differences: boolean, at: number,
 *   data?: Uint8Array}} Images
 * @typedef {{version: number, cnnzoo: string, title: string, models: any[], images: Images | null,
 *   missing: string[]}} Payload
 */

/**
 * Read the payload of a page, and unpack its block.
 *
 * @param {{getElementById: (id: string) => {textContent: string | null} | null}} page  the document
 * @returns {Promise<{payload: Payload, block: ArrayBuffer}>}
 */
export async function readPayload(page) {
  const [json, packed] = ["payload", "bytes"].map((id) => page.getElementById(id)?.textContent ?? "");
  const payload = JSON.parse(json);
  const block = await inflate(bytesOfBase64(packed));
  if (payload.images) payload.images.data = imagesIn(payload.images, block);
  return { payload, block };
}

/**
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function bytesOfBase64(text) {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes  in the format of zlib
 * @returns {Promise<ArrayBuffer>}
 */
export function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/**
 * Return the number that 16 bits stand for: 1 of the sign, 5 of the exponent, 10 of the fraction (IEEE 754).
 *
 * @param {number} bits
 */
export function numberOfHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** All 65,536 of them, which is faster than to calculate one again for each weight. @type {Float32Array[]} */
const HALVES = [];

/**
 * Return an array of the block, in single precision.
 *
 * @param {Entry} entry
 * @param {ArrayBuffer} block
 * @returns {Tensor}
 */
export function tensorIn(entry, block) {
  const size = sizeOf(entry.shape);
  if (entry.dtype === "float32") return { shape: entry.shape, data: new Float32Array(block, entry.at, size) };
  if (entry.dtype !== "float16") throw new Error(`a tensor must have float16 or float32. Received: ${entry.dtype}`);
  if (HALVES.length === 0) HALVES.push(Float32Array.from({ length: 65536 }, (_, bits) => numberOfHalf(bits)));
  const [table] = HALVES;
  const bits = new Uint16Array(block, entry.at, size);
  const data = new Float32Array(size);
  for (let i = 0; i < size; i++) data[i] = table[bits[i]];
  return { shape: entry.shape, data };
}

/** Number of values in a shape. @param {number[]} shape */
export function sizeOf(shape) {
  return shape.reduce((product, side) => product * side, 1);
}

/**
 * Return the nets of a payload, with their weights as numbers. Layers that share a weight share its array.
 *
 * @param {Payload} payload
 * @param {ArrayBuffer} block
 * @returns {Model[]}
 */
export function loadModels(payload, block) {
  return payload.models.map((description) => loadModel(description, block));
}

/**
 * @param {any} description  one of the payload's `models`
 * @param {ArrayBuffer} block
 * @returns {Model}
 */
export function loadModel(description, block) {
  /** @type {Map<number, Tensor>} */
  const known = new Map();
  /** @param {Entry} entry */
  const tensor = (entry) => {
    const found = known.get(entry.at) ?? tensorIn(entry, block);
    known.set(entry.at, found);
    return found;
  };
  /** @param {Record<string, Entry | any> | null} record  each entry becomes a tensor, all else stays */
  const tensors = (record) =>
    record && Object.fromEntries(Object.entries(record).map(([key, each]) => [key, each?.dtype ? tensor(each) : each]));
  const layers = description.layers.map((/** @type {any} */ layer) => ({ ...layer, weights: tensors(layer.weights) }));
  const byName = new Map(layers.map((/** @type {Layer} */ layer) => [layer.name, layer]));
  return { ...description, layers, byName, pca: tensors(description.pca), codes: tensors(description.codes) };
}

/**
 * Return the pixels of all test images, one image after the other.
 *
 * @param {Images} images
 * @param {ArrayBuffer} block
 */
export function imagesIn(images, block) {
  const values = new Uint8Array(block, images.at, images.count * sizeOf(images.shape)).slice();
  return images.differences ? undoDifferences(values, images.shape) : values;
}

/**
 * Turn differences from a prediction back into pixels, in place; `cnnzoo/browser/images.py` says which prediction.
 *
 * @param {Uint8Array} values  they are taken modulo 256, as an Uint8Array does by itself
 * @param {number[]} shape  height, width and channels of an image
 */
export function undoDifferences(values, [height, width, channels]) {
  const row = width * channels;
  const size = height * row;
  for (let start = 0; start < values.length; start += size) {
    for (let i = 0; i < size; i++) {
      const at = start + i;
      const y = Math.floor(i / row);
      const x = Math.floor((i % row) / channels);
      const left = x > 0 ? values[at - channels] : 0;
      const above = y > 0 ? values[at - row] : 0;
      if (y === 0) values[at] += left;
      else if (x === 0) values[at] += above;
      else {
        const corner = values[at - row - channels];
        const low = Math.min(left, above);
        const high = Math.max(left, above);
        values[at] += corner >= high ? low : corner <= low ? high : left + above - corner;
      }
    }
    if (channels === 3) {
      for (let at = start; at < start + size; at += 3) {
        values[at] += values[at + 1];
        values[at + 2] += values[at + 1];
      }
    }
  }
  return values;
}
