import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { isOpen, termsOf, toBox, toCriterion } from '../web/boxes.js';

const { boxes, links } = JSON.parse(readFileSync(new URL('../testdata/boxes.json', import.meta.url), 'utf8'));

test('what is typed into a box makes a criterion', () => {
  for (const { kind, text, whole, criterion } of boxes)
    assert.equal(toCriterion(kind, text, whole), criterion, `${kind} ${text}`);
});

test('what a link asks for is shown in a box, and not changed', () => {
  for (const { kind, criterion, text, whole } of links) {
    const box = toBox(kind, criterion);
    assert.deepEqual(box, { text, whole }, `${kind} ${criterion}`);
  }
});

test('a box that is shown from its criterion makes it again', () => {
  for (const { kind, criterion } of [...boxes, ...links]) {
    if (!criterion) continue;
    const box = toBox(kind, criterion);
    const again = toCriterion(kind, box.text, box.whole);
    if (again === criterion) continue;

    // Quoting a word is another way of writing it.
    const last = termsOf(criterion).at(-1);
    assert.ok(kind === 'expression' && !/["*]/.test(last), `${kind} ${criterion}: ${again}`);
    assert.equal(
      again.slice(0, -last.length - 2 - (last.match(/\\/g) ?? []).length),
      criterion.slice(0, -last.length),
    );
  }
});

test('a quote is open until it is closed', () => {
  for (const [text, open] of [
    ['', false],
    ['alice', false],
    ['"', true],
    ['"alice', true],
    ['"alice"', false],
    ['"alice" "b', true],
    ['a"b', true],
    ['"a \\" b', true],
    ['"a \\" b"', false],
    ['"a\\\\"', false],
  ])
    assert.equal(isOpen(text), open, text);
});

test('any text makes a criterion that is shown again as the same', () => {
  const letters = ['a', '1', '*', '"', '\\', ' ', '+', '(', ')', 'AND', 'é', '王'];
  let seed = 7;
  const pick = (n) => (seed = (seed * 48271) % 2147483647) % n;
  for (let i = 0; i < 20_000; i++) {
    const text = Array.from({ length: 1 + pick(7) }, () => letters[pick(letters.length)]).join('');
    const kind = ['number', 'value', 'expression'][pick(3)];
    const criterion = toCriterion(kind, text, pick(2) === 1);
    if (!criterion) continue;
    const box = toBox(kind, criterion);
    assert.equal(toCriterion(kind, box.text, box.whole), criterion, `${kind} ${JSON.stringify(text)}`);
  }
});
