// Which parts of a text a search has found, so that they are seen at once.
//
// It marks what the API has compared: letter case and accents do not count, and a word without a star is
// a whole word.

import { h } from './dom.js';
import { termsOf } from './boxes.js';
import { boxOf, dataKey, kindOf } from './criteria.js';
import { keptIn } from './state.js';

/** How far behind the beginning of a text a match may be, in characters, before the text is cut in front of it. */
const near = 24;

const isLetter = (c) => c !== undefined && /[\p{L}\p{N}]/u.test(c);

/** A text as it is compared, and for each of its characters where it comes from. */
function folded(text) {
  let plain = '';
  const from = [];
  let at = 0;
  for (const c of text) {
    for (const part of c.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()) {
      plain += part;
      for (let i = 0; i < part.length; i++) from.push(at);
    }
    at += c.length;
  }
  from.push(text.length);
  return { plain, from };
}

const fold = (text) => folded(text).plain;

/** The pieces of a pattern between its stars: { text, start, end }, where start and end are those of a word. */
function piecesOf(pattern) {
  const parts = pattern.split(/(?<!\\)\*/).map((part) => fold(part.replace(/\\([\\"*])/g, '$1')));
  return parts
    .map((text, i) => ({ text, start: i === 0, end: i === parts.length - 1 }))
    .filter(({ text }) => text.trim() !== '');
}

const unquoted = (term) => term.replace(/"((?:\\.|[^"\\])*)(?:"|$)/gs, '$1');

/** What a criterion looks for in a text, as pieces. */
function wanted(name, value) {
  if (kindOf(name) === 'number') return piecesOf(value);
  const terms = termsOf(value).filter((term) => !['AND', 'OR', 'NOT'].includes(term));
  return terms.flatMap((term) => piecesOf(unquoted(term)));
}

/**
 * What a search looks for in each column: { caller, dialed, agents, data, comments, type }, pieces each, and key, a
 * function of a key that returns those that are looked for in its values.
 */
export function wantedOf(search) {
  const from = (names) => names.flatMap((name) => wanted(name, search.criteria[name]));
  const of = (...boxes) => from(keptIn(search).filter((name) => boxes.includes(boxOf(name))));
  const ofKey = (key) =>
    keptIn(search).filter((name) => ['userdata', `${dataKey}${key}`.toLowerCase()].includes(name.toLowerCase()));
  return {
    caller: of('callerPhoneNumber', 'phoneNumber'),
    dialed: of('dialedPhoneNumber', 'phoneNumber'),
    agents: of('userName'),
    data: of('userData'),
    comments: of('comment'),
    type: of('callType'),
    key: (key) => from(ofKey(key)),
  };
}

/** Where pieces are found in a text: [from, to] each, in order, none within another. */
export function matchesOf(text, pieces) {
  if (pieces.length === 0) return [];
  const { plain, from } = folded(text);
  const found = [];
  for (const { text: piece, start, end } of pieces) {
    for (let i = plain.indexOf(piece); i >= 0; i = plain.indexOf(piece, i + 1)) {
      const to = i + piece.length;
      if (start && isLetter(piece[0]) && isLetter(plain[i - 1])) continue;
      if (end && isLetter(piece.at(-1)) && isLetter(plain[to])) continue;
      found.push([from[i], from[to]]);
    }
  }
  found.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  const apart = [];
  for (const [a, b] of found) {
    if (apart.length > 0 && a <= apart.at(-1)[1]) apart.at(-1)[1] = Math.max(b, apart.at(-1)[1]);
    else apart.push([a, b]);
  }
  return apart;
}

/** A text whose first match stands near its beginning: what is far in front of it is left out. */
export function fromMatch(text, pieces) {
  const [first] = matchesOf(text, pieces);
  if (!first || first[0] <= near) return text;
  const blank = text.lastIndexOf(' ', first[0] - 1);
  return `…${text.slice(blank > first[0] - near ? blank + 1 : first[0])}`;
}

/** A text with its matches marked: strings and elements. */
export function marked(text, pieces) {
  const parts = [];
  let at = 0;
  for (const [from, to] of matchesOf(text, pieces)) {
    parts.push(text.slice(at, from), h('mark', {}, text.slice(from, to)));
    at = to;
  }
  return [...parts, text.slice(at)];
}
