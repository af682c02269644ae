// Moments are milliseconds since 1970. They are shown in one time zone at a time: the viewer's own,
// or one that they chose.

import { locale, t } from './texts.js';

export const viewerZone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

let zone = viewerZone;
let formats = {};

/** The zone in which all times are shown. */
export const currentZone = () => zone;

/** Reports whether the browser knows a zone of this name. */
export function isZone(name) {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}

/** Shows all times in a zone from now on; one that the browser does not know is ignored. */
export function useZone(name) {
  if (!isZone(name)) return false;
  zone = name;
  formats = {};
  return true;
}

/** All zones that can be chosen. */
export function zones() {
  const all = Intl.supportedValuesOf ? Intl.supportedValuesOf('timeZone') : [];
  return [...new Set([viewerZone, 'UTC', ...all])];
}

function format(key, options) {
  const spoken = key === 'parts' ? 'en' : locale;
  return (formats[`${spoken} ${key}`] ??= new Intl.DateTimeFormat(spoken, { timeZone: zone, ...options }));
}

/** Reads a time of the API: "2013-05-17T19:45:32.000+0000". NaN if it is none. */
export function parseTime(text) {
  return typeof text === 'string' ? Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')) : NaN;
}

/** Writes a time as the API reads it. */
export const isoTime = (ms) => new Date(ms).toISOString();

export const dayText = (ms) =>
  format('day', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).format(ms);
/** The day, with its year only if that is not the present one. */
export const shortDay = (ms) =>
  (wall(ms)[0] === wall(Date.now())[0]
    ? format('short', { weekday: 'short', day: 'numeric', month: 'short' })
    : format('old', { day: 'numeric', month: 'short', year: 'numeric' })
  ).format(ms);
export const clock = (ms) =>
  format('clock', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(ms);
export const hourText = (ms) =>
  format('hour', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(ms);
/** The day of a year, or the month, or the year, where the rest of it stands elsewhere. */
export const dateText = (ms) => format('date', { day: 'numeric', month: 'short' }).format(ms);
export const monthText = (ms) => format('month', { month: 'short' }).format(ms);
export const yearText = (ms) => format('year', { year: 'numeric' }).format(ms);
export const moment = (ms) => t('time.moment', { day: dayText(ms), clock: clock(ms) });

/** How the two ends of a span are written, by what it is made of. */
const ends = {
  hour: { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' },
  days: { day: 'numeric', month: 'short', year: 'numeric' },
  month: { month: 'long', year: 'numeric' },
  year: { year: 'numeric' },
};

/** From one moment to another, in whole hours, days, months or years: what both ends share is told once. */
export const rangeText = (unit, from, to) => format(`${unit} range`, ends[unit]).formatRange(from, to);

/** A span of time: 0:07, 12:45, 1:02:03. */
export function span(ms) {
  if (!Number.isFinite(ms)) return '–';
  const all = Math.round(Math.abs(ms) / 1000);
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (n) => String(n).padStart(2, '0');
  return (ms < -499 ? '−' : '') + (hours ? `${hours}:${two(minutes)}` : minutes) + `:${two(seconds)}`;
}

/** A span of time in words, for screen readers. */
export function spokenSpan(ms) {
  const all = Math.max(0, Math.round(ms / 1000));
  const parts = [
    [Math.floor(all / 3600), 'time.hours'],
    [Math.floor(all / 60) % 60, 'time.minutes'],
    [all % 60, 'time.seconds'],
  ];
  const said = parts.filter(([n]) => n > 0).map(([n, unit]) => t(unit, { n }));
  return said.join(' ') || t('time.seconds', { n: 0 });
}

/** What a clock on the wall shows in the zone: [year, month 1-12, day, hour, minute, second]. */
export function wall(ms, inZone = zone) {
  const f =
    inZone === zone
      ? format('parts', {
          year: 'numeric',
          month: 'numeric',
          day: 'numeric',
          hour: 'numeric',
          minute: 'numeric',
          second: 'numeric',
          hourCycle: 'h23',
        })
      : new Intl.DateTimeFormat('en', {
          timeZone: inZone,
          year: 'numeric',
          month: 'numeric',
          day: 'numeric',
          hour: 'numeric',
          minute: 'numeric',
          second: 'numeric',
          hourCycle: 'h23',
        });
  const parts = Object.fromEntries(f.formatToParts(ms).map((p) => [p.type, Number(p.value)]));
  return [parts.year, parts.month, parts.day, parts.hour, parts.minute, parts.second];
}

function offset(ms, inZone = zone) {
  const [y, mo, d, hr, mi, s] = wall(ms, inZone);
  return Date.UTC(y, mo - 1, d, hr, mi, s) - Math.floor(ms / 1000) * 1000;
}

/**
 * The moment at which a clock on the wall shows this. Where clocks go back it does so twice: the
 * first is meant, or the last if the caller says so. Where clocks go forward it may never do so:
 * then it is what a clock shows that nobody has put forward, and so lies behind the gap.
 */
export function fromWall(year, month, day, hour = 0, minute = 0, second = 0, { last = false, inZone = zone } = {}) {
  const local = Date.UTC(year, month - 1, day, hour, minute, second);

  // The clocks of the day before and of the day after: between them lies one change at most.
  const aDay = 86400e3;
  const moments = [offset(local - aDay, inZone), offset(local + aDay, inZone)].map((o) => local - o);
  const right = moments.filter((ms) => ms + offset(ms, inZone) === local);
  if (right.length === 0) return moments[0];
  return last ? Math.max(...right) : Math.min(...right);
}

/**
 * Reports whether fields for times, which the browser writes as its own language does, write a date otherwise than
 * the page: 5/6/2026 would be read as the fifth of June then.
 */
export function fieldsDiffer() {
  const sample = Date.UTC(2026, 10, 23);
  const [browsers, ours] = [undefined, locale].map((spoken) =>
    new Intl.DateTimeFormat(spoken, { dateStyle: 'short', timeZone: 'UTC' }).format(sample),
  );
  return browsers !== ours;
}

/** The value of a datetime-local field for a moment, to the minute. */
export function toField(ms) {
  const [y, mo, d, hr, mi] = wall(ms).map((n, i) => String(n).padStart(i ? 2 : 4, '0'));
  return `${y}-${mo}-${d}T${hr}:${mi}`;
}

/**
 * The moment that a datetime-local field holds, NaN if none, or if its year is still being typed.
 * Of an hour that exists twice, the end of a span is the last.
 */
export function fromField(text, { last = false } = {}) {
  const m = /^([1-9]\d{3,5})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?/.exec(text);
  return m ? fromWall(...m.slice(1).map((x) => Number(x || 0)), { last }) : NaN;
}

/** "UTC+1", "UTC−3:30" */
export function offsetText(name = zone, at = Date.now()) {
  const minutes = Math.round(offset(at, name) / 60000);
  if (minutes === 0) return 'UTC';
  const [hr, mi] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `UTC${minutes < 0 ? '−' : '+'}${hr}${mi ? `:${String(mi).padStart(2, '0')}` : ''}`;
}

/** The offset at a moment where it is not that of today, as in summer when one looks in winter; else "". */
export function otherOffset(ms) {
  const then = offsetText(zone, ms);
  return then === offsetText(zone) ? '' : then;
}

/** "Europe/Berlin (UTC+1)", with the offset of a moment. */
export const zoneText = (name = zone, at = Date.now()) =>
  name === 'UTC' ? 'UTC' : `${name.replaceAll('_', ' ')} (${offsetText(name, at)})`;

/** Spans of time that are counted from now on, by their names in addresses and texts; "" is any time. */
export const periods = ['', 'today', 'yesterday', '7days', 'month'];

/** From and to of a period, whose days are those of a zone; NaN where it is open. */
export function periodRange(key, now = Date.now(), inZone = zone) {
  const [y, m, d] = wall(now, inZone);
  const dayFrom = (day) => fromWall(y, m, day, 0, 0, 0, { inZone });
  switch (key) {
    case 'today':
      return [dayFrom(d), NaN];
    case 'yesterday':
      return [dayFrom(d - 1), dayFrom(d)];
    case '7days':
      return [dayFrom(d - 6), NaN];
    case 'month':
      return [dayFrom(1), NaN];
    default:
      return [NaN, NaN];
  }
}

/** The same with the end of one that still goes on, as when this day or this month is over. */
export function wholePeriod(key, now = Date.now()) {
  const [from, to] = periodRange(key, now);
  if (Number.isNaN(from) || Number.isFinite(to)) return [from, to];
  const [y, m, d] = wall(now);
  return [from, key === 'month' ? fromWall(y, m + 1, 1) : fromWall(y, m, d + 1)];
}

/** How long ago a moment was, in the greatest unit that it has one of: "2 hours ago". */
export function ago(ms, now = Date.now()) {
  const seconds = Math.max(0, (now - ms) / 1000);
  const [unit, size] = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]].find(
    ([, s]) => seconds >= s || s === 1,
  );
  return new Intl.RelativeTimeFormat(locale).format(-Math.floor(seconds / size), unit);
}
