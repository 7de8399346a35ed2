/**
 * From an image to a net's input: the same steps as the net's preprocessing in Python.
 *
 * @typedef {import("./payload.js").Model} Model
 * @typedef {import("./payload.js").Images} Images
 * @typedef {{width: number, height: number, channels: number, data: Uint8Array | Uint8ClampedArray | Float32Array}}
 *   Picture  values from 0 to 255, row by row
 */
import { imagesIn } from "./payload.js";

/**
 * Return a test image of the page.
 *
 * @param {Images} images
 * @param {ArrayBuffer} block
 * @param {number} index
 * @returns {Picture}
 */
export function imageAt(images, block, index) {
  const [height, width, channels] = images.shape;
  const size = height * width * channels;
  const all = images.data ?? imagesIn(images, block);
  return { height, width, channels, data: all.subarray(index * size, (index + 1) * size) };
}

/**
 * Return a net's input for an image. An image of another size than the data's is first brought to it: its largest
 * central part of the same proportions is resized, as `cnnzoo.predict` does it.
 *
 * @param {Model} model
 * @param {Picture} image
 * @returns {Float32Array}
 */
export function preprocess(model, image) {
  const [height, width, channels] = model.input.pixels;
  let picture = withChannels(image, channels);
  if (picture.height !== height || picture.width !== width) picture = cropAndResize(picture, height, width);
  for (const step of model.input.preprocess) picture = STEPS[step.kind](picture, step);
  return Float32Array.from(picture.data);
}

/**
 * Return an image with 1 channel, gray by the usual weights, or with 3; a fourth one, alpha, is dropped.
 *
 * @param {Picture} image
 * @param {number} channels
 * @returns {Picture}
 */
export function withChannels(image, channels) {
  if (image.channels === channels) return image;
  const { width, height } = image;
  const data = new Uint8Array(width * height * channels);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const from = pixel * image.channels;
    const colors = [0, 1, 2].map((color) => image.data[from + (image.channels < 3 ? 0 : color)]);
    const gray = Math.round(0.299 * colors[0] + 0.587 * colors[1] + 0.114 * colors[2]);
    for (let channel = 0; channel < channels; channel++) {
      data[pixel * channels + channel] = channels === 1 ? gray : colors[channel];
    }
  }
  return { width, height, channels, data };
}

/**
 * @param {Picture} image
 * @param {number} height
 * @param {number} width
 * @returns {Picture}
 */
export function cropAndResize(image, height, width) {
  const scale = Math.min(image.height / height, image.width / width);
  const tall = Math.min(image.height, roundHalfToEven(scale * height));
  const wide = Math.min(image.width, roundHalfToEven(scale * width));
  const top = Math.floor((image.height - tall) / 2);
  const left = Math.floor((image.width - wide) / 2);
  const part = crop(image, top, left, tall, wide);
  const resized = resize(part, height, width, scale >= 2);
  return { ...resized, data: Uint8Array.from(resized.data, (value) => Math.floor(value + 0.5)) };
}

/** As Python and TensorFlow round. @param {number} value */
function roundHalfToEven(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * @param {Picture} image @param {number} top @param {number} left @param {number} height @param {number} width
 * @returns {Picture}
 */
export function crop(image, top, left, height, width) {
  const { channels } = image;
  const data = new Float32Array(height * width * channels);
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * image.width + left) * channels;
    data.set(image.data.subarray(from, from + width * channels), row * width * channels);
  }
  return { width, height, channels, data };
}

/**
 * Resize: each new pixel is a weighted mean of its neighbors in the old image, nearer ones with more weight.
 *
 * @param {Picture} image
 * @param {number} height
 * @param {number} width
 * @param {boolean} [antialias]  whether a new pixel takes the mean over all old ones that it covers
 * @returns {Picture}
 */
export function resize(image, height, width, antialias = false) {
  if (image.height === height && image.width === width) return image;
  const { channels } = image;
  const rows = neighbors(image.height, height, antialias);
  const columns = neighbors(image.width, width, antialias);
  // First along the rows, then along the columns.
  const across = new Float32Array(image.height * width * channels);
  for (let row = 0; row < image.height; row++) {
    for (let column = 0; column < width; column++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (const [at, weight] of columns[column])
          sum += weight * image.data[(row * image.width + at) * channels + channel];
        across[(row * width + column) * channels + channel] = sum;
      }
    }
  }
  const data = new Float32Array(height * width * channels);
  for (let row = 0; row < height; row++) {
    for (let i = 0; i < width * channels; i++) {
      let sum = 0;
      for (const [at, weight] of rows[row]) sum += weight * across[at * width * channels + i];
      data[row * width * channels + i] = sum;
    }
  }
  return { width, height, channels, data };
}

/**
 * Return for each new pixel of a side the old ones that it is made of, each with its weight: a triangle around the new
 * pixel's center, whose weights sum to 1.
 *
 * @param {number} from  pixels of the old side
 * @param {number} to  pixels of the new one
 * @param {boolean} antialias
 * @returns {[number, number][][]}
 */
function neighbors(from, to, antialias) {
  const scale = from / to;
  const reach = antialias ? Math.max(scale, 1) : 1;
  return Array.from({ length: to }, (_, pixel) => {
    // Beyond the edge the outermost pixel counts.
    const exact = (pixel + 0.5) * scale - 0.5;
    const center = antialias ? exact : Math.min(Math.max(exact, 0), from - 1);
    /** @type {[number, number][]} */
    const found = [];
    for (let at = Math.max(0, Math.ceil(center - reach)); at <= Math.min(from - 1, Math.floor(center + reach)); at++) {
      const weight = 1 - Math.abs(at - center) / reach;
      if (weight > 0) found.push([at, weight]);
    }
    const sum = found.reduce((total, [, weight]) => total + weight, 0);
    return found.map(([at, weight]) => [at, weight / sum]);
  });
}

/** @type {Record<string, (image: Picture, step: any) => Picture>} */
const STEPS = {
  resize: (image, { height, width }) => resize(image, height, width),
  center: (image, { height, width, rescaled }) => centered(image, height, width, rescaled),
  pad: padded,
  scale: (image, { scale, offset }) => ({
    ...image,
    data: Float32Array.from(image.data, (value, at) => {
      const channel = at % image.channels; // one number stands for all channels
      return value * scale[channel % scale.length] + offset[channel % offset.length];
    }),
  }),
  standardize: standardized,
};

/**
 * The center of an image whose shorter side is first resized to `rescaled` times the net's.
 *
 * @param {Picture} image @param {number} height @param {number} width @param {number} rescaled
 * @returns {Picture}
 */
function centered(image, height, width, rescaled) {
  if (image.height === height && image.width === width) return image;
  const sides = [
    { target: roundHalfToEven(height * rescaled), side: image.height },
    { target: roundHalfToEven(width * rescaled), side: image.width },
  ];
  const { target, side } = sides[0].target / sides[0].side >= sides[1].target / sides[1].side ? sides[0] : sides[1];
  const tall = Math.floor((image.height * target) / side);
  const wide = Math.floor((image.width * target) / side);
  const resized = resize(image, tall, wide, true);
  return crop(resized, roundHalfToEven((tall - height) / 2), roundHalfToEven((wide - width) / 2), height, width);
}

/**
 * @param {Picture} image
 * @param {{top: number, bottom: number, left: number, right: number, value: number}} step
 * @returns {Picture}
 */
function padded(image, { top, bottom, left, right, value }) {
  const height = image.height + top + bottom;
  const width = image.width + left + right;
  const data = new Float32Array(height * width * image.channels).fill(value);
  for (let row = 0; row < image.height; row++) {
    const from = row * image.width * image.channels;
    data.set(
      image.data.subarray(from, from + image.width * image.channels),
      ((top + row) * width + left) * image.channels,
    );
  }
  return { width, height, channels: image.channels, data };
}

/**
 * Subtract the image's mean and divide by its standard deviation, or by 1 where that is less.
 *
 * @param {Picture} image
 * @returns {Picture}
 */
function standardized(image) {
  const values = Float64Array.from(image.data);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const deviation = Math.max(Math.sqrt(variance), 1);
  return { ...image, data: Float32Array.from(values, (value) => (value - mean) / deviation) };
}
