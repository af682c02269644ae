// What a row tells of a recording. A row is small: thousands of them are held.

import { parseTime } from './time.js';
import { t } from './texts.js';

/** The longest text of a cell. */
const longest = 200;

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

/** The words of a search for user data, without its stars and quotes. */
export const wordsOf = (expression = '') =>
  expression
    .toLowerCase()
    .split(/[\s"*]+/)
    .filter((w) => w && w !== 'and');

/**
 * The row of a recording. Of its data, what holds one of the words comes first: it is why the
 * recording was found.
 */
export function summary(r, words = []) {
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
  const holds = (value) => words.some((w) => value.toLowerCase().includes(w));
  data.sort((a, b) => holds(b) - holds(a));
  return {
    id: r.id,
    start: parseTime(r.startTime),
    stop: parseTime(r.stopTime),
    caller: cut(r.callerPhoneNumber),
    dialed: cut(r.dialedPhoneNumber),
    agents: cut([...agents].slice(0, 20).join(', ')),
    data: cut([...new Set(data.slice(0, 40))].join(' · ')),
    files: files.length,
    encrypted: files.some((m) => m.pkcs7),
    held: Boolean(r.nonDelete),
    comments: r.comments?.length ?? 0,
    labels: (r.labels ?? []).map((label) => label.name),
    masked: files.some((m) => m.masks?.length > 0),
  };
}
