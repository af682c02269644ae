// The time axis of a call: what lies where on it.

import { parseTime } from './time.js';
import { nameOf } from './summary.js';
import { lay } from './sound.js';

/** How far from the media an event may lie and still be on the axis, in milliseconds. */
const near = 10 * 60e3;

/**
 * A call, laid out: from and to of the axis; origin, from which moments are counted; files with
 * their masks; lanes of who was there; data events; and all events in their order.
 */
export function layOut(recording) {
  const files = recording.mediaFiles.map(fileOf);
  const events = recording.eventHistory
    .map((event) => ({ ...event, at: parseTime(event.occurredAt) }))
    .filter((e) => Number.isFinite(e.at))
    .sort((a, b) => a.at - b.at);
  return arrange({ files, events });
}

/** Works the axis out, also anew after the audio of a file was found to be of another length. */
export function arrange(layout) {
  const { files, events } = layout;
  const start = Math.min(...files.map((f) => f.start)),
    stop = Math.max(...files.map((f) => f.stop));
  const onAxis = events.filter((e) => e.at >= start - near && e.at <= stop + near);
  const from = Math.min(start, ...onAxis.map((e) => e.at)),
    to = Math.max(stop, from + 1000, ...onAxis.map((e) => e.at));
  return Object.assign(layout, {
    from,
    to,
    origin: start,
    stop,
    tracks: tracksOf(files),
    lanes: lanesOf(onAxis, from, to),
    data: onAxis.filter((e) => e.event === 'data'),
    percent: (at) => (100 * (Math.max(from, Math.min(to, at)) - from)) / (to - from),
  });
}

function fileOf(media, index) {
  const start = parseTime(media.startTime);
  const postedStop = Math.max(parseTime(media.stopTime), start);
  const file = { media, index, start, postedStop, encrypted: Boolean(media.pkcs7), bytes: NaN, peaks: null };
  file.pauses = pausesOf(media, start, postedStop);
  lay(file, NaN);
  return file;
}

/** The spans in which the recorder was paused. One that is not ended lasts as long as the file. */
function pausesOf(media, start, stop) {
  const pauses = [];
  const masks = Array.isArray(media.masks) ? media.masks : [];
  const marks = masks
    .map((m) => ({ at: parseTime(m?.time), paused: /^pause/i.test(m?.type ?? '') }))
    .filter((m) => Number.isFinite(m.at))
    .sort((a, b) => a.at - b.at);
  let since = NaN;
  for (const { at, paused } of marks) {
    if (paused && !Number.isFinite(since)) since = at;
    if (!paused && Number.isFinite(since)) {
      pauses.push([since, at]);
      since = NaN;
    }
  }
  if (Number.isFinite(since)) pauses.push([since, stop]);
  return pauses.map(([a, b]) => [Math.max(a, start), Math.min(b, stop)]).filter(([a, b]) => b > a);
}

/** Files that lie one behind the other share a track; those that overlap do not. */
function tracksOf(files) {
  const tracks = [];
  for (const file of [...files].sort((a, b) => a.start - b.start)) {
    const free = tracks.find((t) => t.at(-1).stop <= file.start);
    if (free) free.push(file);
    else tracks.push([file]);
  }
  return tracks;
}

/**
 * Who was in the call, and when: { name, type, spans }. Who never joined was there from the
 * beginning, who never left until the end.
 */
function lanesOf(events, from, to) {
  const lanes = new Map();
  for (const { event, contact, at } of events) {
    if (!contact || event === 'data') continue;
    const key = `${contact.type} ${contact.userName || contact.phoneNumber}`;
    if (!lanes.has(key)) lanes.set(key, { name: nameOf(contact), contact, spans: [], since: NaN });
    const lane = lanes.get(key);
    if (event === 'Joined' && !Number.isFinite(lane.since)) lane.since = at;
    if (event === 'Left') {
      lane.spans.push([Number.isFinite(lane.since) ? lane.since : (lane.spans.at(-1)?.[1] ?? from), at]);
      lane.since = NaN;
    }
  }
  for (const lane of lanes.values()) if (Number.isFinite(lane.since)) lane.spans.push([lane.since, to]);
  return [...lanes.values()];
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 86400];

/** The moments that the ruler names: not more than so many. */
export function ticks({ from, to, origin }, most) {
  const step = (steps.find((s) => (to - from) / 1000 / s <= most) ?? 7 * 86400) * 1000;
  const first = Math.ceil((from - origin) / step);
  const all = [];
  for (let n = first; origin + n * step <= to && all.length <= most; n++) all.push(origin + n * step);
  return all;
}
