/**
 * The kinds of layers, each with the function that computes its output.
 *
 * @typedef {import("./payload.js").Layer} Layer
 * @typedef {import("./payload.js").Tensor} Tensor
 */
import {
  convolution,
  depthwiseConvolution,
  locallyConnected,
  partiallyConnected,
  transposedConvolution,
} from "./convolution.js";
import { dense, principalComponents, radialBasis, transposedDense, whitening } from "./dense.js";
import { layerNormalization, localResponseNormalization, scaleChannels } from "./normalization.js";
import {
  averagePooling,
  globalAveragePooling,
  globalMaxPooling,
  lpPooling,
  maxPooling,
  subsampling,
} from "./pooling.js";
import {
  activationLayer,
  concatenate,
  constantPadding,
  copyValues,
  cropping,
  merge,
  permute,
  upSampling,
} from "./shapes.js";

/** @type {Record<string, (layer: Layer, inputs: Tensor[], out: Tensor) => void>} */
export const LAYERS = {
  convolution,
  depthwise_convolution: depthwiseConvolution,
  transposed_convolution: transposedConvolution,
  locally_connected: locallyConnected,
  partially_connected: partiallyConnected,
  max_pooling: maxPooling,
  average_pooling: averagePooling,
  lp_pooling: lpPooling,
  subsampling,
  global_average_pooling: globalAveragePooling,
  global_max_pooling: globalMaxPooling,
  dense,
  transposed_dense: transposedDense,
  principal_components: principalComponents,
  gaussian_code: dense, // the mean of the code's distribution
  radial_basis: radialBasis,
  whitening,
  scale: scaleChannels,
  layer_normalization: layerNormalization,
  local_response_normalization: localResponseNormalization,
  merge,
  concatenate,
  reshape: copyValues,
  permute,
  padding: constantPadding,
  cropping,
  up_sampling: upSampling,
  activation: activationLayer,
  identity: copyValues,
};
