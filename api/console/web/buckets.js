// The calls found, counted over time: how long the bars of the histogram are, what is written below
// them, and which of them are chosen.

import { dateText, hourText, monthText, otherOffset, parseTime, rangeText, wall, yearText } from './time.js';
import { t } from './texts.js';

const hour = 3600e3;
const day = 24 * hour;

/** How long the buckets of the API are, at least about. */
const lengths = { hour, day, week: 7 * day, month: 30 * day };

/** The buckets of the API, the shortest first. */
const intervals = Object.keys(lengths);

/** The shortest interval by which a span of time has at most so many bars; at worst, a month. */
export const intervalFor = (from, to, most) =>
  intervals.find((name) => (to - from) / lengths[name] + 1 <= most) ?? 'month';

/** Reports whether an interval is shorter than another. */
export const isFiner = (a, b) => intervals.indexOf(a) < intervals.indexOf(b);

/** The buckets of an answer of the API, each { from, until, count }. */
export function spansOf({ buckets, until }) {
  const begins = [...buckets.map((b) => parseTime(b.from)), parseTime(until)];
  return buckets.map(({ count }, i) => ({ from: begins[i], until: begins[i + 1], count }));
}

/** The buckets as bars: { interval, spans }. Months that are too many are added up to years. */
export function barsOf(histogram, most) {
  const { interval } = histogram;
  const spans = spansOf(histogram);
  return interval === 'month' && spans.length > most
    ? { interval: 'year', spans: yearly(spans) }
    : { interval, spans };
}

function yearly(months) {
  const years = [];
  for (const { from, until, count } of months) {
    const year = wall(from)[0];
    const last = years.at(-1);
    if (last?.year === year) Object.assign(last, { until, count: last.count + count });
    else years.push({ year, from, until, count });
  }
  return years;
}

/** What a bar or several stand for, as text. */
export function spanText(interval, from, until) {
  if (interval === 'hour') return [rangeText('hour', from, until), otherOffset(from)].filter(Boolean).join(' ');
  if (interval === 'week') return rangeText('days', from, until - 1);
  if (interval === 'day' && until - from > 1.5 * day) return rangeText('days', from, until - 1);
  return rangeText(interval, from, until - 1);
}

/** A number of calls in words. */
export const countText = (n) => (n === 0 ? t('chart.noCalls') : t('common.calls', { n }));

/** A bar with what clocks and calendars show where it begins. */
function shownAt({ from }, index) {
  const [year, month, date, hours, minutes] = wall(from);
  const monday = new Date(Date.UTC(year, month - 1, date)).getUTCDay() === 1;
  return { index, from, year, month, date, hours, minutes, monday };
}

const each = () => true;
const everyHours = (n) => (x) => x.hours % n === 0 && x.minutes === 0;
const everyYears = (n) => (x) => x.year % n === 0;
const quarter = (x) => x.month % 3 === 1;

/** Which bars may have a label below them, by their intervals: all of them if there is room, or ever fewer. */
const labelled = {
  hour: [...[1, 3, 6, 12, 24].map(everyHours), (x) => x.monday && x.hours === 0],
  day: [each, (x) => x.monday, (x) => x.date === 1, (x) => x.date === 1 && quarter(x)],
  week: [each, (x) => x.date <= 7, (x) => x.date <= 7 && quarter(x)],
  month: [each, quarter, (x) => x.month === 1],
  year: [1, 5, 10, 20].map(everyYears),
};

const labelOf = {
  hour: (x) => (x.hours === 0 ? dateText(x.from) : hourText(x.from)),
  day: (x) => dateText(x.from),
  week: (x) => dateText(x.from),
  month: (x) => (x.month === 1 ? yearText(x.from) : monthText(x.from)),
  year: (x) => yearText(x.from),
};

/** The labels below the bars, each { index, text }, where each takes the room of so many bars. */
export function labelsOf({ interval, spans }, room) {
  const all = spans.map(shownAt);
  const fit = (some) => some.every((x, i) => i === 0 || x.index - some[i - 1].index >= room);
  const natural = labelled[interval].map((is) => all.filter(is)).find(fit) ?? [];
  const some = natural.length > 1 ? natural : all.filter((x) => x.index % Math.ceil(room) === 0);
  return some.map((x) => ({ index: x.index, text: labelOf[interval](x) }));
}

/** Where the keys are: on the last bar, and none is chosen. cursor is a bar, anchor where choosing began. */
export const atEnd = (count) => ({ cursor: count - 1, anchor: -1 });

/** The first and the last bar that are chosen, or the one at the cursor. */
export const chosen = ({ cursor, anchor }) =>
  anchor < 0 ? [cursor, cursor] : [Math.min(anchor, cursor), Math.max(anchor, cursor)];

/** Where the keys are after one of them, null where it is none that moves. With Shift it chooses. */
export function moved({ cursor, anchor }, key, shift, count) {
  const to = {
    ArrowLeft: cursor - 1,
    ArrowDown: cursor - 1,
    ArrowRight: cursor + 1,
    ArrowUp: cursor + 1,
    Home: 0,
    End: count - 1,
  }[key];
  if (to === undefined) return null;
  return {
    cursor: Math.max(0, Math.min(count - 1, to)),
    anchor: !shift ? -1 : anchor < 0 ? cursor : anchor,
  };
}

/** The span of some bars, and how many calls there are in it: { from, until, count }. */
export function sumOf(spans, [first, last]) {
  const some = spans.slice(first, last + 1);
  return { from: some[0].from, until: some.at(-1).until, count: some.reduce((n, s) => n + s.count, 0) };
}

/**
 * The search that has the calls of a span alone, null where it is the same as before. A span that was
 * asked for is never left: the first and the last bar may reach beyond it.
 */
export function narrowed(search, [from, to], span) {
  const begin = Number.isFinite(from) ? Math.max(from, span.from) : span.from;
  const end = Number.isFinite(to) ? Math.min(to, span.until) : span.until;
  return begin === from && end === to ? null : { ...search, period: 'custom', from: begin, to: end };
}
