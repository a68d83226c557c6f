// What demos of small networks share: a dense network with one output, its loss and gradients, and pictures of the plane.

import { normal, BLUE, ORANGE } from "./kit.js";

export const SPAN = 3; // the plane is [-3, 3] × [-3, 3], so that sin x makes about one turn

export const polar = (r, angle) => [r * Math.cos(angle), r * Math.sin(angle)];
export const sigmoid = (z) => 1 / (1 + Math.exp(-z));
export const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

// `slope` is the derivative written in terms of the output a = f(z): backpropagation then needs to keep only a.
export const ACTIVATIONS = {
  linear: { f: (z) => z, slope: () => 1 },
  sigmoid: { f: sigmoid, slope: (a) => a * (1 - a) },
  tanh: { f: Math.tanh, slope: (a) => 1 - a * a },
  ReLU: { f: (z) => Math.max(0, z), slope: (a) => (a > 0 ? 1 : 0) },
  ELU: { f: (z) => (z > 0 ? z : Math.expm1(z)), slope: (a) => (a > 0 ? 1 : a + 1) },
};

/** A dense network: layers of {w: outputs × inputs, b: outputs}; weights N(0, gain/inputs), biases 0. */
export function makeNet(sizes, activation, rand, gain = 1) {
  const layers = sizes.slice(1).map((outputs, l) => ({
    w: Array.from({ length: outputs }, () => Array.from({ length: sizes[l] }, () => normal(rand) * Math.sqrt(gain / sizes[l]))),
    b: Array(outputs).fill(0),
  }));
  return { layers, activation };
}

/** W x + b of one layer. */
export const affine = ({ w, b }, x) => w.map((row, j) => row.reduce((sum, weight, i) => sum + weight * x[i], b[j]));

/** The activations of every layer, the input first and the logit last. */
export function forward({ layers, activation }, input) {
  const values = [input];
  layers.forEach((layer, l) => {
    const z = affine(layer, values[l]);
    values.push(l === layers.length - 1 ? z : z.map(ACTIVATIONS[activation].f));
  });
  return values;
}

function backpropagate(net, grads, input, label) {
  const { slope } = ACTIVATIONS[net.activation];
  const values = forward(net, input);
  const logit = values.at(-1)[0];
  let delta = [-label * sigmoid(-label * logit)];
  for (let l = net.layers.length - 1; l >= 0; l--) {
    const before = Array(values[l].length).fill(0);
    delta.forEach((d, j) => {
      grads[l].b[j] += d;
      values[l].forEach((a, i) => {
        grads[l].w[j][i] += d * a;
        before[i] += d * net.layers[l].w[j][i];
      });
    });
    delta = before.map((d, i) => d * slope(values[l][i]));
  }
  return softplus(-label * logit);
}

/** Layers of the same shapes, all zeros. */
export const zeros = (layers) => layers.map(({ w, b }) => ({ w: w.map((row) => row.map(() => 0)), b: b.map(() => 0) }));

/** Mean logistic loss log(1 + exp(−label · logit)) over a batch, and its gradient in every weight and bias. */
export function gradients(net, inputs, labels) {
  const grads = zeros(net.layers);
  const loss = inputs.reduce((sum, input, n) => sum + backpropagate(net, grads, input, labels[n]), 0) / inputs.length;
  const mean = (row) => row.map((g) => g / inputs.length);
  return { loss, layers: grads.map(({ w, b }) => ({ w: w.map(mean), b: mean(b) })) };
}

/** Where the samples of a picture of `grid` × `grid` lie in the plane: [x, y], row by row from the top. */
export const plane = (grid) => Array.from({ length: grid * grid }, (_, n) => [
  SPAN * ((2 * (n % grid) + 1) / grid - 1),
  SPAN * (1 - (2 * Math.floor(n / grid) + 1) / grid),
]);

const RGB = [BLUE, ORANGE].map((hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)));

/** Paint values from −1 to 1: blue above zero, orange below, nothing at zero, so that either theme shines through. */
export function paint(canvas, values, strength) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  values.forEach((v, n) => {
    image.data.set(RGB[v > 0 ? 0 : 1], 4 * n);
    image.data[4 * n + 3] = strength * Math.abs(v);
  });
  context.putImageData(image, 0, 0);
}
