// The forms of an export, and how one sees at its end that it is whole.

import { sizeText, t } from './texts.js';

/**
 * The forms, by what people want most. A table has its times in a zone; unit is what one counts
 * while it comes: lines, or, where there are none, bytes.
 */
export const forms = [
  { format: 'xlsx', table: true, unit: 'bytes' },
  { format: 'csv', table: true, unit: 'lines' },
  { format: 'ndjson', unit: 'lines' },
];

/** How many bytes of the end of an export are enough to see whether it is whole. */
export const endLength = 200;

/** The end of what has arrived so far: of what had, and of what has come now. */
export function lastOf(before, bytes) {
  if (bytes.length >= endLength) return bytes.slice(-endLength);
  const all = new Uint8Array(before.length + bytes.length);
  all.set(before);
  all.set(bytes, before.length);
  return all.slice(-endLength);
}

/** The lines that end within some bytes. */
export function linesOf(bytes) {
  let n = 0;
  for (const b of bytes) if (b === 10) n++;
  return n;
}

/**
 * Reads the end of an export: { whole, count }. Text says how many calls it has; a workbook is whole
 * if it ends as a ZIP file does, and its count is NaN.
 */
export function endOf(format, bytes) {
  if (format === 'xlsx') return { whole: endsAsZip(bytes), count: NaN };
  const text = new TextDecoder().decode(bytes);
  const m = /(?:\{"statusCode":0,"count":(\d+)\}|"#count","(\d+)"[",]*)\r?\n$/.exec(text);
  return { whole: Boolean(m), count: Number(m?.[1] ?? m?.[2] ?? NaN) };
}

/** The record with which a ZIP file ends, in bytes; a comment may follow, whose length it has last. */
const zipEnd = 22;

function endsAsZip(bytes) {
  for (let i = bytes.length - zipEnd; i >= 0; i--) {
    const signed = bytes[i] === 0x50 && bytes[i + 1] === 0x4b && bytes[i + 2] === 5 && bytes[i + 3] === 6;
    const comment = bytes[i + zipEnd - 2] + 256 * bytes[i + zipEnd - 1];
    if (signed && i + zipEnd + comment === bytes.length) return true;
  }
  return false;
}

/** How far an export is, in words. */
export function progressText({ unit }, { rows, bytes, total }) {
  if (unit === 'lines') return total ? t('export.rowsOf', { rows, n: total }) : t('common.calls', { n: rows });
  const size = sizeText(bytes);
  return total ? t('export.sizeOf', { size, n: total }) : size;
}
