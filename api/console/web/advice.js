// What a criterion asks for, in words, and what else one could search for where it finds nothing.

import { isWord, termsOf, toBox } from './boxes.js';
import { boxOf, kindOf, labelOf } from './criteria.js';
import { keptIn, rangeOf } from './state.js';
import { moment, parseTime } from './time.js';

/** The longest text of a value that is repeated. */
const longest = 80;

const quoted = (text) => `“\u2068${text.length > longest ? `${text.slice(0, longest)}…` : text}\u2069”`;

/** How the value of a criterion is compared: { verb, text }. */
function comparison(name, value) {
  const kind = kindOf(name);
  if (kind === 'time') return { verb: '', text: moment(timeOf(value)) };
  if (kind === 'seconds') return { verb: '', text: `${value} s` };

  const box = toBox(kind, value);
  if (kind === 'expression') {
    const terms = termsOf(box.text);
    if (terms.length === 1 && isWord(box.text)) return { verb: 'begins with', text: quoted(box.text) };
    const [, plain] = /^"([^"\\*]*)"$/.exec(box.text) ?? [];
    return plain ? { verb: 'is', text: quoted(plain) } : { verb: 'matches', text: quoted(value) };
  }

  if (box.whole) return { verb: 'is', text: quoted(box.text) };
  if (box.text === value) return { verb: 'is like', text: quoted(value) };
  return { verb: kind === 'number' ? 'contains' : 'begins with', text: quoted(box.text) };
}

const timeOf = (value) => (/^\d+$/.test(value) ? Number(value) : parseTime(value));

/** A criterion as a label: "Caller contains “4668”". */
export function describe(name, value) {
  const { verb, text } = comparison(name, value);
  return [labelOf(name), verb, text].filter(Boolean).join(' ');
}

/** A notice of the API, which begins with the name of a parameter, as the page calls that. */
export const noticeText = (notice) =>
  notice.replace(/^(\w+(?:\.[^:]*)?): (.)/, (all, name, first) => (kindOf(name) ? `${labelOf(name)}: ${first}` : all));

/** Reports whether a notice says that the contact center is unknown: the page offers others then. */
export const isAboutCenter = (notice) => /^the contact center .* is unknown/s.test(notice);

const subjects = {
  callerPhoneNumber: 'No caller’s number',
  dialedPhoneNumber: 'No dialed number',
  phoneNumber: 'No number of a caller, a dialed line or an agent',
  userName: 'No name, and no word of a name,',
  userData: 'No value of user data',
  callUUID: 'No call’s UUID',
  mediaId: 'No media file’s id',
};

/** Why a single criterion found nothing, as a sentence. */
function reasonOf(name, value) {
  const { verb, text } = comparison(name, value);
  const subject = boxOf(name) === name ? subjects[name] : `No value of “\u2068${labelOf(name)}\u2069” in the user data`;
  if (!subject) return `No call ${labelOf(name).replace(/^./, (c) => c.toLowerCase())} ${text}.`;

  const exactly = verb === 'is' && kindOf(name) !== 'expression' ? 'is exactly' : verb;
  const more = boxOf(name) === 'userData' && verb !== 'matches' ? ' Values are compared from their beginning.' : '';
  return `${subject} ${exactly} ${text}.${more}`;
}

/** The criteria of a search: its span of time counts as one. */
export function partsOf(search) {
  const parts = keptIn(search).map((name) => ({ name, value: search.criteria[name] }));
  const [from, to] = rangeOf(search);
  if (Number.isFinite(from) || Number.isFinite(to)) parts.push({ name: '', from, to });
  return parts;
}

/** Why a search found nothing, as a sentence. */
export function reason(search) {
  const [part, ...more] = partsOf(search);
  if (!part) return '';
  if (more.length > 0) return 'All of the criteria have to match. Alone, each finds:';
  if (part.name) return reasonOf(part.name, part.value);

  const [from, to] = [part.from, part.to].map((ms) => (Number.isFinite(ms) ? moment(ms) : ''));
  if (from && to) return `No call began between ${from} and ${to}.`;
  return from ? `No call began at or after ${from}.` : `No call began before ${to}.`;
}

/**
 * What one could search for instead, what is nearest first: { words, search }. Whether it finds
 * something is still to be tried.
 */
export function suggestions(search) {
  const found = [];
  const suggest = (words, changed) => {
    const key = JSON.stringify(changed);
    if (key !== JSON.stringify(search) && !found.some((f) => f.key === key))
      found.push({ key, words, search: changed });
  };
  const set = (name, value) =>
    suggest(describe(name, value), { ...search, criteria: { ...search.criteria, [name]: value } });

  const parts = partsOf(search);
  for (const { name, value } of parts) {
    const kind = kindOf(name);
    if (kind === 'number' || kind === 'value') for (const wider of widerText(kind, value)) set(name, wider);
    if (kind === 'expression') for (const wider of widerExpression(value)) set(name, wider);
  }
  for (const part of parts) if (parts.length > 1 || !part.name) suggest(...without(search, part));
  return found.map(({ words, search: changed }) => ({ words, search: changed }));
}

function without(search, part) {
  if (!part.name) return ['Any time', { ...search, period: '', from: NaN, to: NaN }];
  const { [part.name]: _, ...criteria } = search.criteria;
  return [`Without “${labelOf(part.name)}”`, { ...search, criteria }];
}

/** A number as a part of what is stored, and the end of a long one; another text as its beginning. */
function widerText(kind, value) {
  const { text } = toBox(kind, value);
  if (text.includes('*')) return [];
  if (kind === 'value') return [`${text}*`];
  const digits = text.replace(/\D/g, '');
  return [`*${text}*`, ...(digits.length > 7 ? [`*${digits.slice(-7)}`] : [])];
}

/** An expression whose terms are parts of what is stored, and one of which a single term is enough. */
function widerExpression(value) {
  const terms = termsOf(value);
  const either = terms.filter((term) => term !== 'AND');
  const parts = terms.map((term) => (term === 'AND' ? term : part(term)));
  return [parts.join(' '), ...(either.length < terms.length ? [either.join(' ')] : [])];
}

function part(term) {
  const inner = /^"(.*)"$/s.exec(term)?.[1];
  if (inner !== undefined) return inner.includes('*') ? term : `"*${inner}*"`;
  const bare = term.replace(/\*$/, '');
  return isWord(bare) ? `*${bare}*` : term;
}
