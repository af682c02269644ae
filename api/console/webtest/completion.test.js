import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { toCriterion } from '../web/boxes.js';
import { completions } from '../web/completion.js';
import { dataKey, kindOf } from '../web/criteria.js';
import { toDataCriteria } from '../web/data.js';

const cases = JSON.parse(readFileSync(new URL('../testdata/completions.json', import.meta.url), 'utf8'));

const chosen = (box, { from, to, put }, value) => box.slice(0, from) + put(value) + box.slice(to);

test('what is typed is asked for, and what is chosen stands in its place', () => {
  for (const { name, box, caret, asked, value, then } of cases) {
    const all = completions(name, kindOf(name), box, caret);
    assert.deepEqual(all.map(({ field, text }) => [field, text]), asked, `${name} ${box}`);
    if (value !== undefined) assert.equal(chosen(box, all[0], value), then, `${name} ${box}`);
  }
});

test('any value that is chosen asks for just this value', () => {
  const letters = ['a', 'B', '1', '*', '"', '\\', ' ', '=', '+', '-', 'AND', 'é', '王'];
  let seed = 7;
  const pick = (n) => (seed = (seed * 48271) % 2147483647) % n;
  const literal = (text) => `"${text.replace(/[\\"*]/g, '\\$&')}"`;
  for (let i = 0; i < 20_000; i++) {
    const value = Array.from({ length: 1 + pick(7) }, () => letters[pick(letters.length)]).join('').trim();
    if (!value) continue;

    const [name] = completions('userName', 'expression', 'x AND ali');
    assert.equal(toCriterion('expression', chosen('x AND ali', name, value)), `x AND ${literal(value)}`);

    const [number] = completions('phoneNumber', 'number', '16');
    assert.equal(toCriterion('number', chosen('16', number, value), true), value.replace(/\*/g, '\\*'));

    const [key] = completions('userData', 'expression', 'Tier=Gold k');
    const begun = chosen('Tier=Gold k', key, value);
    const [under] = completions('userData', 'expression', begun);
    assert.equal(under.field, dataKey + value, begun);
    const { criteria, problem } = toDataCriteria(chosen(begun, under, 'some value'));
    assert.equal(problem, '');
    assert.deepEqual(criteria, value.toLowerCase() === 'tier'
      ? { [`${dataKey}Tier`]: 'Gold "some value"' }
      : { [`${dataKey}Tier`]: 'Gold', [dataKey + value]: '"some value"' });
  }
});
