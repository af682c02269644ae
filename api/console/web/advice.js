// What a criterion asks for, in words, and what else one could search for where it finds nothing.

import { isWord, termsOf, toBox } from './boxes.js';
import { boxOf, kindOf, labelOf } from './criteria.js';
import { keptIn, rangeOf } from './state.js';
import { moment, parseTime } from './time.js';
import { t } from './texts.js';

/** The longest text of a value that is repeated. */
const longest = 80;

const cut = (text) => (text.length > longest ? `${text.slice(0, longest)}…` : text);

/** How the value of a criterion is compared: { how, text }, where how is "" for what is none. */
function comparison(name, value) {
  const kind = kindOf(name);
  if (kind === 'time') return { how: '', text: moment(timeOf(value)) };
  if (kind === 'seconds') return { how: '', text: t('advice.seconds', { n: value }) };
  if (kind === 'choice') return { how: '', text: t(`criteria.${name}_${value}`) };

  const box = toBox(kind, value);
  if (kind === 'expression') {
    const terms = termsOf(box.text);
    if (terms.length === 1 && isWord(box.text)) return { how: 'begins', text: cut(box.text) };
    const [, plain] = /^"([^"\\*]*)"$/.exec(box.text) ?? [];
    return plain ? { how: 'is', text: cut(plain) } : { how: 'matches', text: cut(value) };
  }

  if (box.whole) return { how: 'is', text: cut(box.text) };
  if (box.text === value) return { how: 'like', text: cut(value) };
  return { how: kind === 'number' ? 'contains' : 'begins', text: cut(box.text) };
}

const timeOf = (value) => (/^\d+$/.test(value) ? Number(value) : parseTime(value));

/** A criterion as a label: "Caller contains “4668”". */
export function describe(name, value) {
  const { how, text } = comparison(name, value);
  const places = { label: labelOf(name), text };
  return how ? t(`criterion.${how}`, places) : t('criterion.plain', places);
}

/** A notice of the API, which begins with the name of a parameter, as the page calls that. */
export const noticeText = (notice) =>
  notice.replace(/^(\w+(?:\.[^:]*)?): (.)/, (all, name, first) => (kindOf(name) ? `${labelOf(name)}: ${first}` : all));

/** Reports whether a notice says that the contact center is unknown: the page offers others then. */
export const isAboutCenter = (notice) => /^the contact center .* is unknown/s.test(notice);

/** Why a single criterion found nothing, as a sentence. */
function reasonOf(name, value) {
  const { how, text } = comparison(name, value);
  if (!how) return t(`noCall.${name}`, { text });

  const subject = boxOf(name) === name ? t(`noValue.${name}`) : t('noValue.ofKey', { key: labelOf(name) });
  const exactly = how === 'is' && kindOf(name) !== 'expression' ? 'exactly' : how;
  const said = t(`reason.${exactly}`, { subject, text });
  if (boxOf(name) !== 'userData' || how === 'matches') return said;
  return `${said} ${t('reason.fromBeginning')}`;
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
  if (more.length > 0) return t('reason.all');
  if (part.name) return reasonOf(part.name, part.value);

  const [from, to] = [part.from, part.to].map((ms) => (Number.isFinite(ms) ? moment(ms) : ''));
  if (from && to) return t('noCall.between', { from, to });
  return from ? t('noCall.startTime', { text: from }) : t('noCall.startedBefore', { text: to });
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
  if (!part.name) return [t('period.any'), { ...search, period: '', from: NaN, to: NaN }];
  const { [part.name]: _, ...criteria } = search.criteria;
  return [t('advice.without', { label: labelOf(part.name) }), { ...search, criteria }];
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
