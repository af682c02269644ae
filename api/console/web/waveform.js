// Draws how loud a media file is. Only files that are small enough are fetched for it; the others
// play all the same.

import { request } from './api.js';
import { heardBetween, whySilent } from './sound.js';

const largestFile = 12 << 20; // bytes that are fetched for a drawing
const longest = 2 * 3600e3; // milliseconds that are decoded: 8,000 samples of 4 bytes for each second
const rate = 8000; // samples per second are enough to see
const buckets = 1200; // peaks of one channel
const bar = 2,
  gap = 1; // pixels

/** How much is fetched for the drawings of one call, in bytes. */
export const budgetOfCall = 48 << 20;

/**
 * Looks into a file: { bytes, fetched, length, peaks, silence }. bytes is NaN where the storage does not
 * tell; length, of the audio in milliseconds, and peaks, one Float32Array of 0 to 1 for each channel, are
 * missing where the file is too large and not fetched, or no audio that the browser knows. silence then
 * says why, as far as the bytes do. What is fetched is taken from budget.left.
 */
export async function inspect(file, budget, signal) {
  const look = file.encrypted || file.stop - file.start > longest;
  const response = await request(file.previewUrl, { signal, method: look ? 'HEAD' : 'GET' });
  const told = response.headers.get('Content-Length');
  const seen = { bytes: told === null ? NaN : Number(told) };
  if (look) return seen;
  const data = await fetchSmall(response, Math.min(largestFile, budget.left));
  if (!data) return seen;
  seen.bytes = data.byteLength;
  seen.fetched = true;
  budget.left -= data.byteLength;
  const bytes = new Uint8Array(data.slice(0, 64 << 10)); // decoding takes the buffer away
  let decoded;
  try {
    decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(data);
  } catch {
    return { ...seen, silence: whySilent(bytes, seen.bytes) };
  }
  seen.length = decoded.duration * 1000;
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, i) => decoded.getChannelData(i));
  seen.peaks = await reduce(channels, signal);
  return seen;
}

/** The bytes of an answer, if they are few. */
async function fetchSmall(response, largest) {
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

/**
 * The greatest sample of each bucket and channel, in pieces short enough that the page goes on
 * answering. The channels have one scale: who is louder is to be seen.
 */
async function reduce(channels, signal) {
  const all = channels.map(() => new Float32Array(buckets));
  const step = channels[0].length / buckets;
  let since = performance.now();
  for (const [c, samples] of channels.entries()) {
    for (let i = 0; i < buckets; i++) {
      let peak = 0;
      for (let n = Math.floor(i * step); n < (i + 1) * step && n < samples.length; n++)
        peak = Math.max(peak, Math.abs(samples[n]));
      all[c][i] = peak;
      if (performance.now() - since > 8) {
        await new Promise((resolve) => setTimeout(resolve));
        if (signal.aborted) return null;
        since = performance.now();
      }
    }
  }
  const most = all.reduce((m, peaks) => Math.max(m, ...peaks), 0.05);
  return all.map((peaks) => peaks.map((p) => p / most));
}

/**
 * Draws the peaks of a file as bars over a canvas that is as long as the file, one line for each
 * channel, in a colour of the theme. A bar shows what is heard at its place, and is left out where
 * nothing is.
 */
export function draw(canvas, file, colour) {
  const ratio = Math.min(devicePixelRatio || 1, 3);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width || !height) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  context.fillStyle = getComputedStyle(canvas).getPropertyValue('color') || colour;
  const line = height / file.peaks.length;
  for (const [channel, peaks] of file.peaks.entries()) {
    const middle = line * (channel + 0.5);
    for (let x = 0; x < width; x += bar + gap) {
      const at = (pixel) => file.start + (pixel / width) * (file.stop - file.start);
      const heard = heardBetween(file, at(x), at(x + bar + gap));
      if (!heard) continue;
      const tall = Math.max(1.5, greatest(peaks, file.length, ...heard) * (line - 6));
      context.beginPath();
      context.roundRect(x, middle - tall / 2, bar, tall, 1);
      context.fill();
    }
  }
}

/** The greatest peak between two times of an audio of some length. */
function greatest(peaks, length, from, to) {
  const bucket = (time) => (time / length) * peaks.length;
  const first = Math.min(peaks.length - 1, Math.floor(bucket(from)));
  let peak = peaks[first];
  for (let n = first + 1; n < Math.floor(bucket(to)) && n < peaks.length; n++) peak = Math.max(peak, peaks[n]);
  return peak;
}
