// Where the sound of a media file lies on the axis of its call. The metadata says when a file begins
// and ends; how long its audio is, only the audio says. Where the two disagree, what is drawn, played
// and clicked on follows the audio, and what is missing is told. All lengths are in milliseconds.

import { span } from './time.js';
import { t } from './texts.js';

/** How far lengths may differ and still be called the same: recorders cut off parts of seconds. */
const slack = 1500;

/** What is shorter, in bytes, is not even the header of most formats. */
const tiny = 100;

/** What is said of a file without bytes. */
export const emptyText = () => t('sound.empty');

/**
 * Lays the sound of a file on the axis. length is that of its audio, NaN as long as it is not known.
 * The file gets: pieces, [{ at, time, length }], of which each says that the audio from time on is
 * heard from the moment at on; stop, where the file ends on the axis; and missing, how much of its end
 * has no sound.
 */
export function lay(file, length) {
  const posted = file.postedStop - file.start;
  file.length = length;
  file.missing = 0;
  if (!Number.isFinite(length)) {
    file.pieces = [{ at: file.start, time: 0, length: posted > 0 ? posted : Infinity }];
    file.stop = file.postedStop;
    return;
  }
  file.pieces = pausesLeftOut(file, posted, length) ?? [{ at: file.start, time: 0, length }];
  file.stop = Math.max(file.postedStop, end(file));
  if (file.pieces.length === 1 && file.pieces[0].at === file.start && posted - length > slack)
    file.missing = posted - length - openPause(file, length);
}

/** The last pause, if it lasts to the end of the file and the sound ends with its beginning. */
function openPause(file, length) {
  const last = file.pauses.at(-1);
  const open = last && last[1] === file.postedStop && Math.abs(file.start + length - last[0]) <= slack;
  return open ? file.postedStop - file.start - length : 0;
}

/**
 * The pieces between the pauses, if the audio is as long as the file without them: then the recorder
 * left the pauses out. Null if it did not, or if that cannot be told.
 */
function pausesLeftOut(file, posted, length) {
  const paused = file.pauses.reduce((sum, [a, b]) => sum + b - a, 0);
  const without = Math.abs(posted - paused - length);
  const rounded = slack + 500 * file.pauses.length; // each pause may be cut off to seconds
  if (paused === 0 || without > rounded || without >= Math.abs(posted - length)) return null;
  const pieces = [];
  let at = file.start,
    time = 0;
  for (const [a, b] of file.pauses) {
    const heard = Math.min(a - at, length - time);
    if (heard > 0) pieces.push({ at, time, length: heard });
    time += Math.max(0, heard);
    at = b;
  }
  if (at < file.postedStop && length > time) pieces.push({ at, time, length: length - time });
  else if (pieces.length > 0) pieces.at(-1).length += length - time; // the last pause ends with the file
  return pieces.length > 0 ? pieces : null;
}

/** Where the sound of a file ends on the axis. */
export const end = (file) => Math.max(file.start, ...file.pieces.map((p) => p.at + p.length));

/** The piece of a file that sounds at a moment, if one does. */
export const pieceAt = (file, at) => file.pieces.find((p) => p.at <= at && at < p.at + p.length);

/** What of the audio is heard at a moment. */
export function timeAt(file, at) {
  const piece = pieceAt(file, at);
  return piece ? piece.time + at - piece.at : NaN;
}

/** The moment at which a part of the audio is heard. */
export function momentOf(file, time) {
  // Half a millisecond: what was sought is not always reached to the last bit.
  const piece = file.pieces.findLast((p) => p.time <= time + 0.5) ?? file.pieces[0];
  return piece.at + Math.max(0, Math.min(piece.length, time - piece.time));
}

/** The part [from, to] of the audio that is heard between two moments, null if nothing is. */
export function heardBetween(file, from, to) {
  for (const p of file.pieces) {
    const a = Math.max(from, p.at),
      b = Math.min(to, p.at + p.length);
    if (b > a) return [p.time + a - p.at, p.time + b - p.at];
  }
  return null;
}

/** What is to be said about a file that plays: where its audio is not as it should be. */
export function notesOf(file) {
  const notes = [];
  const posted = file.postedStop - file.start;
  if (file.missing > 0)
    notes.push(
      t('sound.shorter', { missing: spoken(file.missing), posted: span(posted), length: span(file.length) }),
    );
  if (Number.isFinite(file.length) && file.pieces.length === 1 && file.length - posted > slack)
    notes.push(t('sound.longer', { posted: span(posted), length: span(file.length) }));
  const size = sizeNote(file);
  if (size) notes.push(size);
  return notes;
}

/** What is said of a size that is not the posted one. */
export function sizeNote(file) {
  const posted = String(file.media.size ?? '');
  if (!/^\d{1,15}$/.test(posted) || !Number.isFinite(file.bytes) || Number(posted) === file.bytes) return '';
  if (file.encrypted && file.bytes > Number(posted)) return ''; // the size may be that of the audio alone
  const places = { bytes: file.bytes, posted: Number(posted) };
  return t(file.bytes < Number(posted) ? 'sound.cutOff' : 'sound.anotherOne', places);
}

/**
 * Why there is no sound in a file that cannot be decoded, by its first bytes and its size; empty if
 * they do not say.
 */
export function whySilent(data, size = data.length) {
  if (size === 0) return emptyText();
  const text = (from) => String.fromCharCode(...data.subarray(from, from + 4));
  const headerOnly = t('sound.headerOnly', { n: size });
  if (text(0) !== 'RIFF') return size < tiny ? headerOnly : '';
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 12; at + 8 <= data.length; at += 8 + view.getUint32(at + 4, true))
    if (text(at) === 'data') return at + 8 >= size ? headerOnly : '';
  return data.length === size ? headerOnly : ''; // the part with the samples never begins
}

/** "16 s", "2 min 5 s". */
function spoken(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return t('time.s', { seconds });
  const places = { minutes: Math.floor(seconds / 60), seconds: seconds % 60 };
  return t(seconds % 60 ? 'time.minS' : 'time.min', places);
}
