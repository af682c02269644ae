import test from 'node:test';
import assert from 'node:assert/strict';

import { chosenColumns, isStandard, ordered, rememberColumns, standard, templateOf } from '../web/columns.js';
import { wantedOf } from '../web/matched.js';
import { emptySearch } from '../web/state.js';
import { summary } from '../web/summary.js';

const kept = new Map();
globalThis.localStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
};

test('columns have an order, each is there once, and the time always', () => {
  for (const [names, want] of [
    [[], 'time'],
    [standard, 'time duration caller dialed agents data media'],
    [['media', 'labels', 'time', 'type', 'caller', 'caller', 'nothing', 'key'], 'time caller type labels media'],
    [
      ['userDataKey.Queue', 'media', 'userDataKey.case', 'agents', 'data', 'userDataKey.QUEUE'],
      'time agents userDataKey.Queue userDataKey.case data media',
    ],
    [['userDataKey.', 'userDataKey. '], 'time'],
    [['a', 'b', 'c', 'd', 'e', 'f'].map((key) => `userDataKey.${key}`), // no more than five
      'time userDataKey.a userDataKey.b userDataKey.c userDataKey.d userDataKey.e'],
    [[`userDataKey.${'x'.repeat(101)}`, 'labels'], 'time labels'],
  ]) assert.equal(ordered(names).join(' '), want);
  assert.equal(templateOf(ordered(['userDataKey.a'])), 'var(--time) minmax(0, 1fr)');
});

test('a choice is remembered for its user, and what is damaged is none', () => {
  const names = ordered(['caller', 'userDataKey.Fälle "offen"\n= 1']);
  rememberColumns('alice', names);
  assert.deepEqual(chosenColumns('alice'), names);
  assert.deepEqual(chosenColumns('bob'), standard);
  rememberColumns('alice', standard);
  assert.equal(kept.size, 0);

  for (const text of ['', '{', 'null', '7', '{}', '[7]', '["caller",null]', '"caller"']) {
    kept.set('recordings.columns.alice', text);
    assert.deepEqual(chosenColumns('alice'), standard, text);
  }
  kept.set('recordings.columns.alice', '["nothing"]');
  assert.deepEqual(chosenColumns('alice'), ['time']);
  assert.ok(isStandard(standard) && !isStandard(['time']));
});

test('a row has the values under the keys of its columns', () => {
  const data = (...events) => ({
    id: '1',
    startTime: '2026-03-01T10:00:00Z',
    stopTime: '2026-03-01T10:01:00Z',
    callerPhoneNumber: '1',
    dialedPhoneNumber: '2',
    eventHistory: events.map((x) => ({ event: 'data', data: x })),
  });
  const under = (r, keys, criteria = {}) =>
    summary(r, wantedOf({ ...emptySearch(), criteria }), keys).under;
  const r = data(
    { Queue: 'Sales', n: 7, on: true },
    { added: { queue: 'Billing' }, updated: { QUEUE: 'Sales' }, deleted: { Queue: 'Gone' } },
  );

  assert.deepEqual(under(r, []), {});
  assert.deepEqual(under(r, ['Queue', 'N', 'none', 'on']), {
    'userDataKey.Queue': 'Billing, Sales', // the newest first, each once, none that was taken away
    'userDataKey.N': '7',
    'userDataKey.none': '',
    'userDataKey.on': 'true',
  });
  // What was looked for comes first, under its key alone.
  assert.equal(under(r, ['queue'], { 'userDataKey.Queue': 'sal*' })['userDataKey.queue'], 'Sales, Billing');
  assert.equal(under(r, ['queue'], { userData: 'sal*' })['userDataKey.queue'], 'Sales, Billing');
  assert.equal(under(r, ['queue'], { 'userDataKey.other': 'sal*' })['userDataKey.queue'], 'Billing, Sales');
  // A row is small, whatever a recording has.
  const many = data(...Array.from({ length: 5000 }, (_, i) => ({ Queue: `${i} ${'x'.repeat(500)}` })));
  const row = summary(many, undefined, ['Queue']);
  assert.ok(row.under['userDataKey.Queue'].length <= 201 && row.whole['userDataKey.Queue'].length <= 1000);
  assert.match(row.under['userDataKey.Queue'], /^4999 /);
});
