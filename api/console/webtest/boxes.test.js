import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { finishedPart, isOpen, isUnfinished, termsOf, toBox, toCriterion } from '../web/boxes.js';

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
    if (kind === 'expression') assert.equal(meant(again), meant(criterion), `${criterion} is shown as ${box.text}`);
    else assert.equal(again, criterion);
  }
});

/**
 * What an expression means to the API: alternatives of terms that are all wanted. Quoting a word is another
 * way of writing it.
 */
function meant(expression) {
  const all = [[]];
  let and = true;
  for (const [i, term] of termsOf(expression).entries()) {
    if (term === 'OR' && i > 0 && i < termsOf(expression).length - 1) and = false;
    else if (term === 'AND') and = true;
    else {
      const plain = term.replace(/^"((?:\\.|[^"\\*])*)"$/s, (_, inner) => inner.replace(/\\([\\"])/g, '$1'));
      if (!and) all.push([]);
      all.at(-1).push(/[\s]/.test(plain) ? term : plain);
      and = false;
    }
  }
  return JSON.stringify(all);
}

test('several words are all meant, and OR is written where any is', () => {
  for (const [text, criterion] of [
    ['tom amber', 'tom AND amber*'],
    ['tom AND amber', 'tom AND amber*'],
    ['tom OR amber', 'tom OR amber*'],
    ['a b OR c d', 'a AND b OR c AND d*'],
    ['"a b" c', '"a b" AND c*'],
    ['tom AND', 'tom AND'],
    ['OR tom', 'OR AND tom*'], // at either end OR is a word
    ['tom OR', 'tom AND OR'],
    ['tom NOT amber', 'tom NOT amber*'],
  ])
    assert.equal(toCriterion('expression', text), criterion);
  for (const [criterion, text] of [
    ['tom AND amber*', 'tom amber'],
    ['tom amber*', 'tom OR amber'],
    ['tom OR amber*', 'tom OR amber'],
    ['a AND b c AND d*', 'a b OR c d'],
    ['AND tom*', 'AND tom'],
    ['tom OR', 'tom OR OR'],
    ['OR AND tom*', 'OR tom'],
    ['a AND AND b', 'a AND AND "b"'],
  ])
    assert.equal(toBox('expression', criterion).text, text);
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

test('what is half typed is known, and what of it is finished', () => {
  for (const [text, half, part] of [
    ['tom', false, 'tom'],
    ['tom AND', true, 'tom'],
    ['tom OR ', true, 'tom'],
    ['tom AND AND', true, 'tom'],
    ['tom "am', true, 'tom'],
    ['tom AND "am', true, 'tom'],
    ['"', true, ''],
    ['OR', true, ''],
    ['tom AND am', false, 'tom AND am'],
    ['', false, ''],
  ])
    assert.deepEqual([isUnfinished(text), finishedPart(text)], [half, part], text);
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
