// What a row tells of a recording. A row is small: thousands of them are held.

import { fromMatch, matchesOf, wantedOf } from './matched.js';
import { columnOf } from './columns.js';
import { emptySearch } from './state.js';
import { parseTime } from './time.js';
import { t } from './texts.js';

/** The longest text of a cell, and of what is told of it to whoever points at it. */
const longest = 200;
const longestWhole = 1000;

/** In how many values of a recording it is looked for what was found. */
const mostLooked = 2000;

/** How many values under one key a row has. */
const mostUnder = 20;

const cut = (text) => (text.length > longest ? `${text.slice(0, longest)}…` : text);

/** The name of a contact as people say it. */
export function nameOf(contact) {
  const name = [contact.firstName, contact.lastName].filter(Boolean).join(' ');
  return name || contact.userName || contact.phoneNumber || t('call.nobody');
}

/** The values of a data event, with what became of them: [name, value, change]. */
export function dataOf(event) {
  const data = event.data ?? {};
  const changes = ['added', 'updated', 'deleted'].filter((k) => isMap(data[k]));
  const grouped = changes.length > 0 && Object.keys(data).every((k) => changes.includes(k));
  if (!grouped) return Object.entries(data).map(([name, value]) => [name, text(value), '']);
  return changes.flatMap((change) =>
    Object.entries(data[change]).map(([name, value]) => [name, text(value), change]),
  );
}

const isMap = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** A value of JSON as text. */
export const text = (value) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

/**
 * The row of a recording. What was looked for (matched.js) comes first of its agents and of its data, among
 * which the comments are then: it is why the recording was found. whole has all of what is cut. keys are
 * those whose values have columns of their own: under has these by the names of the columns.
 */
export function summary(r, wanted = wantedOf(emptySearch()), keys = []) {
  const agents = new Set();
  const data = [];
  for (const event of r.eventHistory ?? []) {
    if (event.contact?.type === 'User') agents.add(nameOf(event.contact));
    if (event.data) {
      for (const [name, value, change] of dataOf(event))
        if (change !== 'deleted' && value.length > 1 && value !== 'true' && value !== 'false') data.push(value);
    }
  }
  const files = r.mediaFiles ?? [];
  const firstOf = (texts, pieces) => {
    if (pieces.length === 0) return texts;
    const held = new Map(texts.map((text) => [text, matchesOf(text, pieces).length > 0]));
    return texts.sort((a, b) => held.get(b) - held.get(a)).map((text) => fromMatch(text, pieces));
  };
  const comments = wanted.comments.length === 0 ? [] : (r.comments ?? []).map((c) => c.text);
  const said = comments.filter((text) => matchesOf(text, wanted.comments).length > 0);
  const names = firstOf([...agents].slice(0, 20), wanted.agents).join(', ');
  const values = firstOf([...new Set(data)].slice(0, mostLooked), wanted.data).slice(0, 40);
  const all = [...said.map((text) => fromMatch(text, wanted.comments)), ...values].join(' · ');
  const under = Object.fromEntries(
    keys.map((key) => [columnOf(key), firstOf(valuesUnder(r, key), wanted.key(key)).join(', ').slice(0, longestWhole)]),
  );
  return {
    id: r.id,
    start: parseTime(r.startTime),
    stop: parseTime(r.stopTime),
    caller: cut(r.callerPhoneNumber),
    dialed: cut(r.dialedPhoneNumber),
    agents: cut(names),
    data: cut(all),
    whole: { agents: names.slice(0, longestWhole), data: all.slice(0, longestWhole), ...under },
    under: Object.fromEntries(Object.entries(under).map(([column, value]) => [column, cut(value)])),
    changed: r.changedTime,
    type: typeof r.callType === 'string' ? cut(r.callType) : '',
    files: files.length,
    encrypted: files.some((m) => m.pkcs7),
    held: Boolean(r.nonDelete),
    comments: r.comments?.length ?? 0,
    labels: (r.labels ?? []).map((label) => label.name),
    masked: files.some((m) => m.masks?.length > 0),
  };
}

/** The values that a recording has under a key, whose letter case does not count, the newest first. */
function valuesUnder(r, key) {
  const values = new Set();
  const folded = key.toLowerCase();
  for (const event of (r.eventHistory ?? []).toReversed()) {
    if (!event.data) continue;
    for (const [name, value, change] of dataOf(event))
      if (change !== 'deleted' && name.toLowerCase() === folded && values.size < mostUnder) values.add(value);
  }
  return [...values];
}
