// What is typed into the box of user data, and the criteria that it makes. A term may say under which
// key a value is looked for: Queue=Billing Tier="very gold". Those of one key are one criterion, those
// without a key another; all of them have to match, unless there is an OR between two.

import { allOf, termsOf, toBox, toCriterion, typedOf } from './boxes.js';
import { dataKey } from './criteria.js';
import { t } from './texts.js';

const plain = 'userData';

/** A key in front of a value: as a plain word, or quoted. */
const form = /^(?:([^\s"=*]+)|"((?:\\.|[^"\\])*)")=(.*)$/s;

const isOperator = (term) => term === 'AND' || term === 'OR';

/** A term as { key, value }; key "" where it has none. */
function split(term) {
  const [, bare, quoted, value] = form.exec(term) ?? [];
  const key = bare ?? quoted?.replace(/\\([\\"*])/g, '$1');
  return key ? { key, value } : { key: '', value: term };
}

/**
 * The criteria of a box by their names, and what is wrong with it, "" if all is well: { criteria,
 * problem }.
 */
export function toDataCriteria(text) {
  const terms = termsOf(text.trim());
  if (!terms.some((term) => split(term).key)) {
    const criterion = toCriterion('expression', text);
    return { criteria: criterion ? { [plain]: criterion } : {}, problem: '' };
  }

  const groups = new Map(); // by keys, which do not differ in letter case: { key, terms }
  let last; // the group of the last term
  let operator = '';
  let open = false; // the value of the last term is still to come
  for (const term of terms) {
    if (isOperator(term) && last && !operator) {
      operator = term;
      continue;
    }
    let { key, value } = split(term);
    if (!key && operator === 'OR') key = last.key; // Queue=Billing OR Sales
    const group = groups.get(key.toLowerCase()) ?? { key, terms: [] };
    if (operator === 'OR' && group !== last) return { criteria: {}, problem: t('refusal.orBetweenKeys') };
    if (operator && group.terms.length > 0) group.terms.push(operator);
    group.terms.push(value || '*');
    groups.set(key.toLowerCase(), group);
    [last, operator, open] = [group, '', value === ''];
  }
  if (operator) last.terms.push(operator); // the API says what is wrong with it

  const criteria = {};
  for (const group of groups.values()) {
    const expression = group.terms.join(' ');
    criteria[group.key ? dataKey + group.key : plain] =
      group === last && !open ? toCriterion('expression', expression) : allOf(expression);
  }
  return { criteria, problem: '' };
}

/** The box of the criteria of a search that are about user data. It makes the same, or what means the same. */
export function toDataBox(criteria) {
  const names = Object.keys(criteria).filter((name) => name.startsWith(dataKey));
  if (criteria[plain]) names.unshift(plain);
  return names
    .map((name, i) => {
      const expression = name === plain ? withoutKeys(criteria[name]) : criteria[name];
      const shown = i === names.length - 1 ? toBox('expression', expression).text : typedOf(expression);
      return name === plain ? shown : under(name.slice(dataKey.length), shown);
    })
    .join(' ');
}

/** An expression whose terms that look as if they had a key are quoted. */
const withoutKeys = (expression) =>
  termsOf(expression)
    .map((term) => (split(term).key ? wholeQuoted(term) : term))
    .join(' ');

/** A term that is quoted as a whole, and means the same. */
function wholeQuoted(term) {
  const inside = term.replace(/"((?:\\.|[^"\\])*)"|[^"]+/gs, (bare, quoted) => quoted ?? bare.replace(/\\/g, '\\\\'));
  return `"${inside}"`;
}

/** An expression with a key in front of each term. */
function under(key, expression) {
  const shown = /[\s"=*]/.test(key) ? `"${key.replace(/[\\"*]/g, '\\$&')}"` : key;
  return termsOf(expression)
    .map((term) => (isOperator(term) ? term : `${shown}=${term}`))
    .join(' ');
}
