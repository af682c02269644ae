// Draws how loud a media file is. Only files that are small enough are fetched for it; the others
// play all the same.

import { request } from './api.js';

const largestFile = 12 << 20; // bytes that are fetched for a drawing
const longest = 2 * 3600e3; // milliseconds that are decoded: 8,000 samples of 4 bytes for each second
const rate = 8000; // samples per second are enough to see
const buckets = 1200; // peaks of one file

/** How much is fetched for the drawings of one call, in bytes. */
export const budgetOfCall = 48 << 20;

/**
 * The peaks of a file, 0 to 1 each; or null where it is too large, or no audio that the browser
 * knows. What is fetched is taken from budget.left.
 */
export async function peaksOf(url, length, budget, signal) {
  if (length > longest || signal.aborted) return null;
  const bytes = await fetchSmall(url, Math.min(largestFile, budget.left), signal);
  if (!bytes) return null;
  budget.left -= bytes.byteLength;
  let samples;
  try {
    const decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
    samples = decoded.getChannelData(0);
  } catch {
    return null;
  }
  return reduce(samples, signal);
}

/** The bytes behind a URL, if they are few. */
async function fetchSmall(url, largest, signal) {
  const response = await request(url, { signal });
  if (Number(response.headers.get('Content-Length')) > largest) {
    await response.body.cancel();
    return null;
  }
  const chunks = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > largest) {
      await reader.cancel();
      return null;
    }
    chunks.push(value);
  }
  return new Blob(chunks).arrayBuffer();
}

/** The greatest sample of each bucket, in pieces short enough that the page goes on answering. */
async function reduce(samples, signal) {
  const peaks = new Float32Array(buckets);
  const step = samples.length / buckets;
  let since = performance.now();
  for (let i = 0; i < buckets; i++) {
    let peak = 0;
    for (let n = Math.floor(i * step); n < (i + 1) * step && n < samples.length; n++)
      peak = Math.max(peak, Math.abs(samples[n]));
    peaks[i] = peak;
    if (performance.now() - since > 8) {
      await new Promise((resolve) => setTimeout(resolve));
      if (signal.aborted) return null;
      since = performance.now();
    }
  }
  const most = Math.max(0.05, ...peaks);
  return peaks.map((p) => p / most);
}

/** Draws peaks as bars over a canvas, in a colour of the theme. */
export function draw(canvas, peaks, colour) {
  const ratio = Math.min(devicePixelRatio || 1, 3);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width || !height) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  context.fillStyle = getComputedStyle(canvas).getPropertyValue('color') || colour;
  const bar = 2,
    gap = 1;
  const bars = Math.max(1, Math.floor(width / (bar + gap)));
  for (let i = 0; i < bars; i++) {
    const from = Math.floor((i * peaks.length) / bars),
      to = Math.max(from + 1, Math.floor(((i + 1) * peaks.length) / bars));
    let peak = 0;
    for (let n = from; n < to; n++) peak = Math.max(peak, peaks[n]);
    const tall = Math.max(1.5, peak * (height - 6));
    context.beginPath();
    context.roundRect(i * (bar + gap), (height - tall) / 2, bar, tall, 1);
    context.fill();
  }
}
