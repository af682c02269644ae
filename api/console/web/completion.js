// What of a box is being typed, and how it is completed: which values are asked for, and what a chosen one
// puts in its place.
//
// What is chosen is written so that it means just this: a name and a value are quoted, stars are escaped.
// A key is followed by its =, behind which its values are completed.

import { isOpen, isWord } from './boxes.js';
import { dataKey } from './criteria.js';

const keys = 'userDataKey';
const data = 'userData';

const unescaped = (text) => text.replace(/\\([\\"*])/g, '$1');
const quoted = (text) => `"${text.replace(/[\\"*]/g, '\\$&')}"`;
const hasStar = (text) => /(?<!\\)\*/.test(text);
const written = (key) => `${/[\s"=*]/.test(key) ? quoted(key) : key}=`;

/** A key in front of what is typed of its value: as a plain word, or quoted. */
const keyed = /^((?:([^\s"=*]+)|"((?:\\.|[^"\\])*)")=)(.*)$/s;

/**
 * What may complete the box of a criterion of a kind (criteria.js) where the caret is, the best first:
 * each { field, text, from, to, put }. field and text are those of the API; put makes of a value what is
 * to stand from from to to. goesOn says that more is to be typed then.
 */
export function completions(name, kind, box, caret = box.length) {
  if (kind === 'number') return numberOf(name, box);
  if (kind !== 'expression' || (name !== 'userName' && name !== data)) return [];

  const before = box.slice(0, caret);
  if (/^\S/.test(box.slice(caret))) return []; // within a word
  const terms = [...before.matchAll(/(?:"(?:\\.|[^"\\])*(?:"|$)|[^\s"])+/gs)];
  const last = terms.at(-1);
  if (!last || last.index + last[0].length < caret) {
    const empty = before.trim() === '' ? [{ text: '', from: caret, to: caret }] : [];
    return empty.flatMap((at) => (name === data ? dataOf(at) : [valueOf(name, at)]));
  }

  if (name === data) {
    const [, head, bare, quotedKey, value] = keyed.exec(last[0]) ?? [];
    const key = bare ?? (quotedKey === undefined ? undefined : unescaped(quotedKey));
    const at = pieceOf(key ? value : last[0], last.index + (key ? head.length : 0), caret);
    if (!at) return [];
    if (key) return [valueOf(dataKey + key, at)];
    return at.open ? [valueOf(data, at)] : dataOf(at);
  }

  const at = pieceOf(last[0], last.index, caret);
  if (!at) return [];
  const whole = at.open ? at : runOf(before, terms, caret);
  return [...(whole.from < at.from ? [whole] : []), at].map((piece) => valueOf(name, piece));
}

const valueOf = (field, { text, from, to }) => ({ field, text, from, to, put: quoted });

/** A word may be the beginning of a key; where there is none, of a value. */
const dataOf = (at) => [{ ...valueOf(keys, at), put: written, goesOn: true }, valueOf(data, at)];

/** A number is completed as a whole. */
function numberOf(name, box) {
  if (hasStar(box)) return [];
  const text = box.trim().replace(/\\\*/g, '*');
  return [{ field: name, text, from: 0, to: box.length, put: (number) => number.replace(/\*/g, '\\*') }];
}

/** A term that is a plain word, nothing at all, or a quote that is still open; null: nothing to complete. */
function pieceOf(term, from, to) {
  if (term.startsWith('"') && isOpen(term))
    return hasStar(term) ? null : { text: unescaped(term.slice(1)), from, to, open: true };
  return isWord(term) ? { text: term, from, to } : null;
}

/** The plain words that end at the caret, which may be a full name. */
function runOf(before, terms, to) {
  let from = to;
  for (const term of terms.toReversed()) {
    if (!isWord(term[0])) break;
    from = term.index;
  }
  return { text: before.slice(from), from, to };
}
