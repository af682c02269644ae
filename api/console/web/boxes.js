// What is typed into a box, and the criterion that it makes.
//
// A box is for a part of what is looked for: whoever types 4668 wants the numbers that hold it, also
// while the rest is still to come. The API compares whole values, so the page puts the stars. The
// address bar and the API know the criterion alone, so a box is shown from it again.
//
// Of several words in an expression all are meant, so that a further word narrows: the page writes the AND
// that the API needs, and in a box one writes OR where one is enough. As in the API, AND binds tighter.

import { kindOf } from './criteria.js';

/** A star that stands for any text, and not for itself. */
const wildcard = /(?<!\\)\*/;

/** Words that are operators of an expression, not terms. */
const operators = new Set(['AND', 'OR', 'NOT']);

/** White space and marks that nobody sees, which come along where a number is copied. */
const around = /^[\s\p{Cf}\p{Zs}]+|[\s\p{Cf}\p{Zs}]+$/gu;

/** The criterion of a box, "" where nothing is asked for. whole: the text is not just a part. */
export function toCriterion(kind, text, whole = false) {
  const bare = text.replace(around, '');
  if (bare === '') return '';

  switch (kind) {
    case 'number':
      return whole || wildcard.test(bare) ? bare : `*${bare}${endStar(bare)}`;
    case 'value': // it has no literal star
      return whole || bare.includes('*') ? bare : `${bare}*`;
    case 'expression':
      return beginning(allOf(text.trim()));
    default:
      return bare;
  }
}

/** The box of a criterion: { text, whole }. It makes the same criterion, or one that means the same. */
export function toBox(kind, criterion) {
  switch (kind) {
    case 'number':
    case 'value': {
      const inner = kind === 'number' ? /^\*(.+)\*$/s.exec(criterion) : /^(.+)\*$/s.exec(criterion);
      if (inner && toCriterion(kind, inner[1]) === criterion) return { text: inner[1], whole: false };
      return {
        text: criterion,
        whole: !(kind === 'number' ? wildcard.test(criterion) : criterion.includes('*')),
      };
    }
    case 'expression':
      return { text: shownExpression(criterion), whole: false };
    default:
      return { text: criterion, whole: false };
  }
}

/** A star at the end, but not behind a backslash, which would make it a literal one. */
const endStar = (text) => (text.endsWith('\\') ? '' : '*');

/**
 * Divides an expression into its terms, as they stand. Of one with an open quote the last term goes
 * to the end.
 */
export const termsOf = (text) => text.match(/(?:"(?:\\.|\\$|[^"\\])*(?:"|$)|[^\s"])+/gs) ?? [];

/** Reports whether an expression has a quote that is not closed: its end is still to come. */
export const isOpen = (text) => text.replace(/"(?:\\.|[^"\\])*"/gs, '').includes('"');

/** Reports whether an expression ends within a quote, or behind an operator: its end is still to come. */
export const isUnfinished = (text) => isOpen(text) || operators.has(termsOf(text).at(-1));

/** An expression without what is only half typed at its end. */
export function finishedPart(text) {
  const terms = termsOf(text);
  if (isOpen(text)) terms.pop();
  while (operators.has(terms.at(-1))) terms.pop();
  return terms.join(' ');
}

/** Reports whether a term is a plain word: no operator, nothing quoted, no star. */
export const isWord = (term) => !operators.has(term) && !/["*]/.test(term);

/** Reports whether there is a term at a place among terms and operators. At either end OR is one, as to the API. */
const isTermAt = (terms, i) =>
  i in terms && (!operators.has(terms[i]) || (terms[i] === 'OR' && (i === 0 || i === terms.length - 1)));

/** An expression as the API reads it, of which all terms are meant that have no operator between them. */
export function allOf(text) {
  const terms = termsOf(text);
  const parts = [];
  for (const [i, term] of terms.entries()) {
    if (isTermAt(terms, i - 1) && isTermAt(terms, i)) parts.push('AND');
    parts.push(term);
  }
  return parts.join(' ');
}

/** An expression of the API as it is typed: terms side by side are all meant, and where any is, it says so. */
export function typedOf(criterion) {
  const terms = termsOf(criterion);
  const isTerm = (i) => isTermAt(terms, i);
  const needless = (i) => terms[i] === 'AND' && isTerm(i - 1) && isTerm(i + 1);
  const parts = [];
  for (const [i, term] of terms.entries()) {
    if (isTerm(i - 1) && isTerm(i)) parts.push('OR');
    if (!needless(i)) parts.push(term);
  }
  return parts.join(' ');
}

/** Takes the last word of an expression as a beginning; behind parentheses it stays, and is told about. */
function beginning(text) {
  const last = termsOf(text).at(-1) ?? '';
  return isWord(last) && !/[()]$/.test(last) ? `${text}*` : text;
}

/** Shows an expression: the star that the page has put is left out, a word without one is quoted. */
function shownExpression(criterion) {
  const text = typedOf(criterion);
  const last = termsOf(text).at(-1) ?? '';
  const before = text.slice(0, text.length - last.length);

  if (last.length > 1 && beginning(text.slice(0, -1)) === text) return text.slice(0, -1);
  if (isWord(last) && beginning(text) !== text) return `${before}${quote(last)}`;
  return text;
}

/** A word as a term that means just this word. */
export const quote = (word) => `"${word.replace(/[\\"]/g, '\\$&')}"`;

/** The longest value that is searched for as a whole, in UTF-8: the API takes 1,024 bytes, with quotes. */
const longestWhole = 900;

/** The criterion of a name that finds just a value, of whatever symbols; "" where there is none. */
export function exactly(name, value) {
  const text = value.replace(/\s+/g, ' ').trim(); // to a search, a line break is a blank
  if (text === '' || new TextEncoder().encode(name + text).length > longestWhole) return '';
  if (kindOf(name) === 'number') return text.replace(/\*/g, '\\*');
  return `"${text.replace(/[\\"*]/g, '\\$&')}"`;
}
