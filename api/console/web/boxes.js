// What is typed into a box, and the criterion that it makes.
//
// A box is for a part of what is looked for: whoever types 4668 wants the numbers that hold it, also
// while the rest is still to come. The API compares whole values, so the page puts the stars. The
// address bar and the API know the criterion alone, so a box is shown from it again.

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
      return beginning(text.trim());
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
export const termsOf = (text) => text.match(/(?:"(?:\\.|[^"\\])*(?:"|$)|[^\s"])+/gs) ?? [];

/** Reports whether an expression has a quote that is not closed: its end is still to come. */
export const isOpen = (text) => text.replace(/"(?:\\.|[^"\\])*"/gs, '').includes('"');

/** Reports whether a term is a plain word: no operator, nothing quoted, no star. */
export const isWord = (term) => !operators.has(term) && !/["*]/.test(term);

/** Takes the last word of an expression as a beginning; behind parentheses it stays, and is told about. */
function beginning(text) {
  const last = termsOf(text).at(-1) ?? '';
  return isWord(last) && !/[()]$/.test(last) ? `${text}*` : text;
}

/** Shows an expression: the star that the page has put is left out, a word without one is quoted. */
function shownExpression(criterion) {
  const text = criterion.trim();
  const last = termsOf(text).at(-1) ?? '';
  const before = text.slice(0, text.length - last.length);

  if (last.endsWith('*') && toCriterion('expression', text.slice(0, -1)) === text) return text.slice(0, -1);
  if (isWord(last) && beginning(text) !== text) return `${before}${quote(last)}`;
  return text;
}

/** A word as a term that means just this word. */
export const quote = (word) => `"${word.replace(/[\\"]/g, '\\$&')}"`;
