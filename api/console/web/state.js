// The address bar holds what is shown, so that it can be shared, kept as a bookmark and walked
// through with Back. Criteria have the names that the API gives them.

import { parseTime, periods, periodRange, isoTime } from './time.js';

export const textCriteria = ['callerPhoneNumber', 'dialedPhoneNumber', 'userName', 'userData'];
export const timeCriteria = ['startTime', 'endTime'];
export const allCriteria = [...textCriteria, ...timeCriteria];

/** A search for everything. */
export const emptySearch = () => ({ criteria: {}, period: '', from: NaN, to: NaN });

/** What an address asks for. */
export function readAddress(location) {
  const query = new URLSearchParams(location.search);
  const search = emptySearch();
  for (const name of textCriteria) {
    const value = query.get(name);
    if (value) search.criteria[name] = value;
  }
  const period = query.get('period');
  if (periods.some((p) => p.key === period)) search.period = period;
  [search.from, search.to] = [time(query.get('startTime')), time(query.get('endTime'))];
  if (Number.isFinite(search.from) || Number.isFinite(search.to)) search.period = 'custom';
  const recording = query.get('recording');
  return {
    view: recording ? 'recording' : query.get('view') === 'operations' ? 'operations' : 'search',
    search,
    searched: allCriteria.some((name) => query.has(name)) || query.has('period'),
    recording: recording ?? '',
    contactCenter: query.get('contactCenter') ?? '',
    timeZone: query.get('timeZone') ?? '',
    at: atOf(location.hash),
  };
}

const time = (text) => (/^\d+$/.test(text ?? '') ? Number(text) : parseTime(text ?? undefined));

/** The moment that the end of an address names, "#t=83", in milliseconds. */
function atOf(hash) {
  const m = /^#t=(\d+(?:\.\d+)?)$/.exec(hash);
  return m ? Number(m[1]) * 1000 : NaN;
}

/** The address of what is shown. */
export function writeAddress({ view, search, recording, contactCenter, timeZone, at }) {
  const query = new URLSearchParams();
  if (contactCenter) query.set('contactCenter', contactCenter);
  if (view === 'recording') query.set('recording', recording);
  else if (view === 'operations') query.set('view', 'operations');
  else writeSearch(query, search);
  if (timeZone) query.set('timeZone', timeZone);
  const text = query.toString();
  return (text ? `?${text}` : './') + (Number.isFinite(at) ? `#t=${Math.floor(at / 1000)}` : '');
}

function writeSearch(query, search) {
  for (const name of textCriteria) if (search.criteria[name]) query.set(name, search.criteria[name]);
  if (search.period === 'custom') {
    if (Number.isFinite(search.from)) query.set('startTime', isoTime(search.from));
    if (Number.isFinite(search.to)) query.set('endTime', isoTime(search.to));
  } else if (search.period) query.set('period', search.period);
}

/** From and to of a search, NaN where it is open. A period is counted from now. */
export const rangeOf = (search) =>
  search.period === 'custom' ? [search.from, search.to] : periodRange(search.period);

/** The criteria of a search as the API reads them. At least one is needed: startTime=0 matches everything. */
export function criteriaOf(search) {
  const query = new URLSearchParams();
  for (const name of textCriteria) if (search.criteria[name]) query.set(name, search.criteria[name]);
  const [from, to] = rangeOf(search);
  if (Number.isFinite(from)) query.set('startTime', isoTime(from));
  if (Number.isFinite(to)) query.set('endTime', isoTime(to));
  if (query.size === 0) query.set('startTime', '0');
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
