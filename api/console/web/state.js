// The address bar holds what is shown, so that it can be shared, kept as a bookmark and walked
// through with Back. Criteria have the names and the values that the API gives them.

import { dataKey, isCriterion, keptAmong, kindOf, names, from as fromName, to as toName } from './criteria.js';
import { isZone, parseTime, periods, periodRange, wholePeriod, isoTime } from './time.js';

/** What an address may hold beside criteria. */
const others = ['period', 'sort', 'recording', 'view', 'contactCenter', 'timeZone'];
const views = ['search', 'operations', 'audit'];

/** Numbers below are no milliseconds since 1970, but seconds, or a year; 0 is the beginning of all. */
const leastMillis = 1e11;

const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d(:?\d\d)?)$/;

/** The orders of results, by the names that the API gives them: the newest first, and the oldest. */
export const orders = ['', 'startTime'];

/** A search for everything. criteria has all but the span of time, as the API reads them. */
export const emptySearch = () => ({ criteria: {}, period: '', from: NaN, to: NaN, sort: '' });

/**
 * What an address asks for. What it asks for that is not known or not valid is listed as problems,
 * each { name, value, why, places }, where why is the text linkProblem.WHY and places are those in it. The
 * rest alone would silently show something else.
 */
export function readAddress(location) {
  const query = new URLSearchParams(location.search);
  const problems = [];
  const complain = (name, why, places = {}) =>
    problems.push({ name, value: query.get(name) ?? '', why, places });

  for (const name of new Set(query.keys())) {
    if (!isCriterion(name) && !others.includes(name)) complain(name, ...unknown(name));
    else if (query.getAll(name).length > 1) complain(name, 'twice');
    else if (query.get(name) === '' && name !== 'period') complain(name, 'empty');
  }
  const told = new Set(problems.map((p) => p.name));
  const text = (name) => (told.has(name) ? '' : (query.get(name) ?? ''));

  const { at, problem } = atOf(location.hash);
  if (problem) problems.push(problem);

  const recording = text('recording');
  const view = text('view');
  if (view && !views.includes(view)) complain('view', 'noneOf', { known: views.join(', ') });
  const timeZone = text('timeZone');
  if (timeZone && !isZone(timeZone)) complain('timeZone', 'zone');

  return {
    view: recording ? 'recording' : views.includes(view) ? view : 'search',
    search: readSearch([...query.keys()], text, complain),
    searched:
      [...query.keys()].some(isCriterion) ||
      query.has('period') ||
      query.has('sort') ||
      problems.length > 0,
    recording,
    contactCenter: text('contactCenter'),
    timeZone: isZone(timeZone) ? timeZone : '',
    at,
    problems,
  };
}

function readSearch(given, text, complain) {
  const search = emptySearch();
  for (const name of keptAmong(given)) {
    const value = text(name);
    if (!value) continue;
    if (kindOf(name) !== 'time') search.criteria[name] = numberOf(name, value);
    else if (Number.isFinite(timeOf(name, value, complain)))
      search.criteria[name] = isoTime(timeOf(name, value));
  }

  const period = text('period');
  [search.from, search.to] = [fromName, toName].map((name) => timeOf(name, text(name), complain));
  const custom = Number.isFinite(search.from) || Number.isFinite(search.to);

  if (!periods.includes(period)) complain('period', 'noneOf', { known: periods.filter(Boolean).join(', ') });
  else if (period && custom) complain('period', 'periodAndTime', { from: fromName, to: toName });
  search.period = custom ? 'custom' : periods.includes(period) ? period : '';

  const sort = text('sort');
  if (orders.includes(sort)) search.sort = sort;
  else complain('sort', 'order');
  return search;
}

/** A + that was not escaped has come as a blank, in front of a digit. */
const numberOf = (name, value) => (kindOf(name) === 'number' ? value.replace(/^ (?=[\d+*])/, '+') : value);

/** The moment that a value tells, NaN if there is none. */
function timeOf(name, value, complain = () => {}) {
  if (!value) return NaN;
  const text = value.replace(' ', '+');

  if (/^\d+$/.test(text)) {
    const n = Number(text);
    if (n === 0 || (n >= leastMillis && n <= 8.64e15)) return n;
    if (n > 8.64e15) complain(name, 'noTime');
    else if (n >= 1e8) complain(name, 'seconds', { meant: `${n}000` });
    else complain(name, 'noMillis');
    return NaN;
  }

  const ms = timeForm.test(text) ? parseTime(text.replace(',', '.').replace(/([+-]\d\d)$/, '$1:00')) : NaN;
  if (Number.isNaN(ms)) complain(name, 'noDate');
  return ms;
}

/** What is said of a name that is not known, and which was meant, perhaps: [why, places]. */
function unknown(name) {
  const plain = (text) => text.toLowerCase().replace(/[^a-z]/g, '');
  const like = [...names, ...others, `${dataKey}KEY`].find((known) => {
    const [a, b] = [plain(known), plain(name)];
    return a === b || (b.length > 3 && (a.startsWith(b) || b.startsWith(a) || isWithin(b, a)));
  });
  return like ? ['meant', { like }] : ['unknown'];
}

/** Reports whether all letters of a text stand in another one, in this order, and begin alike. */
function isWithin(text, other) {
  let found = 0;
  for (const c of other) if (c === text[found]) found++;
  return found === text.length && text.slice(0, 4) === other.slice(0, 4);
}

/** The moment that the end of an address names, "#t=83", in milliseconds. */
function atOf(hash) {
  if (!hash || hash === '#' || hash === '#main') return { at: NaN };
  const m = /^#t=(\d+(?:\.\d+)?)$/.exec(hash);
  if (m) return { at: Number(m[1]) * 1000 };
  return {
    at: NaN,
    problem: { name: '#', value: hash.slice(1), why: 'moment', places: {} },
  };
}

/** The names of the criteria of a search, in the order in which they are written. */
export const keptIn = (search) =>
  keptAmong(Object.keys(search.criteria)).filter((name) => search.criteria[name]);

/** The address of what is shown. */
export function writeAddress({ view, search, recording, contactCenter, timeZone, at }) {
  const query = new URLSearchParams();
  if (contactCenter) query.set('contactCenter', contactCenter);
  if (view === 'recording') query.set('recording', recording);
  else if (view !== 'search') query.set('view', view);
  else writeSearch(query, search);
  if (timeZone) query.set('timeZone', timeZone);
  const text = query.toString();
  return (text ? `?${text}` : './') + (Number.isFinite(at) ? `#t=${Math.floor(at / 1000)}` : '');
}

function writeSearch(query, search) {
  for (const name of keptIn(search)) query.set(name, search.criteria[name]);
  if (search.period === 'custom') {
    if (Number.isFinite(search.from)) query.set(fromName, isoTime(search.from));
    if (Number.isFinite(search.to)) query.set(toName, isoTime(search.to));
  } else if (search.period) query.set('period', search.period);
  if (search.sort) query.set('sort', search.sort);
}

/**
 * From and to of a search, NaN where it is open: a call is in it that began at from or later, and
 * before to. So spans that lie side by side have each call once. A period is counted from now, in days of
 * the zone that is shown, or of another one.
 */
export const rangeOf = (search, zone) =>
  search.period === 'custom' ? [search.from, search.to] : periodRange(search.period, Date.now(), zone);

/**
 * The same search with its times fixed, as somebody else wants it, later or in another zone: a period is the
 * one that goes on now, to its end.
 */
export function fixedTimes(search, now = Date.now()) {
  if (!search.period || search.period === 'custom') return search;
  const [from, to] = wholePeriod(search.period, now);
  return { ...search, period: 'custom', from, to };
}

/** The criteria of a search as the API reads them. At least one is needed: startTime=0 matches everything. */
export function criteriaOf(search, zone) {
  const query = new URLSearchParams();
  for (const name of keptIn(search)) query.set(name, search.criteria[name]);
  const [from, to] = rangeOf(search, zone);
  if (Number.isFinite(from)) query.set(fromName, isoTime(from));
  if (Number.isFinite(to)) query.set(toName, isoTime(to));
  if (query.size === 0) query.set(fromName, '0');
  return query;
}

/** The parameters of a search whose results are wanted in its order. */
export function queryOf(search) {
  const query = criteriaOf(search);
  if (search.sort) query.set('sort', search.sort);
  return query;
}

// What is remembered on this device. A browser may refuse to remember.
export function remembered(key) {
  try {
    return localStorage.getItem(`recordings.${key}`) ?? '';
  } catch {
    return '';
  }
}

export function remember(key, value) {
  try {
    if (value) localStorage.setItem(`recordings.${key}`, value);
    else localStorage.removeItem(`recordings.${key}`);
  } catch {
    /* it is forgotten, then */
  }
}
