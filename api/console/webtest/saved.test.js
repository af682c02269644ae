import test from 'node:test';
import assert from 'node:assert/strict';

import { ofSaved, toSaved, wordsOf } from '../web/saved.js';
import { emptySearch } from '../web/state.js';
import { currentZone, isoTime, periodRange, useZone } from '../web/time.js';

const made = (change) => ({ ...emptySearch(), ...change });
const from = Date.UTC(2026, 0, 2);

test('a search that is saved is the same when it is made again', () => {
  for (const search of [
    made({ criteria: { userName: 'Alice AND Amb*', 'userDataKey.My Queue': '"a & b=c"' } }),
    made({ criteria: { comment: 'refund*', nonDelete: 'true' }, period: '7days', sort: 'startTime' }),
    made({ period: 'yesterday' }),
    made({ period: 'custom', from, to: from + 3600e3 }),
    made({ period: 'custom', to: from }),
    made({ criteria: { changedSince: isoTime(from), phoneNumber: '+1*' } }),
    made({}),
  ]) {
    const saved = toSaved(search);
    assert.ok(Object.keys(saved.criteria).length > 0 || saved.period, 'the API needs one of them');
    const asked = ofSaved({ name: 'x', ...saved });
    assert.deepEqual(asked.search, search);
    assert.deepEqual(asked.problems, []);
    assert.equal(asked.zone, search.period && search.period !== 'custom' ? currentZone() : '');
  }
});

test('a period is kept as such, with the zone of its days', () => {
  useZone('Asia/Kathmandu');
  assert.deepEqual(toSaved(made({ period: 'today', criteria: { userName: 'a*' } })), {
    criteria: { userName: 'a*' },
    period: 'today',
    zone: 'Asia/Kathmandu',
  });
  assert.deepEqual(toSaved(made({})), { criteria: { startTime: '0' } });
  useZone('UTC');
});

test('what is not understood of a saved search is told', () => {
  const whys = (saved) => ofSaved(saved).problems.map((p) => `${p.name} ${p.why}`);
  assert.deepEqual(whys({ criteria: { later: '1' } }), ['later unknown']);
  assert.deepEqual(whys({ criteria: {}, period: 'decade' }), ['period noneOf']);
  assert.deepEqual(whys({ criteria: {}, period: 'today', zone: 'Moon/Base' }), ['timeZone zone']);
  assert.deepEqual(whys({ criteria: { userName: 'a' }, zone: 'Moon/Base' }), []); // it is about no days
});

test('the days of a period are those of the zone that is named', () => {
  const now = Date.UTC(2026, 2, 29, 22, 30); // Berlin has put its clocks forward, and has the next day
  useZone('America/Los_Angeles');
  const range = (key, zone) => periodRange(key, now, zone).map((ms) => (Number.isFinite(ms) ? isoTime(ms) : ''));
  assert.deepEqual(range('today', 'Europe/Berlin'), ['2026-03-29T22:00:00.000Z', '']);
  assert.deepEqual(range('yesterday', 'Europe/Berlin'), ['2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z']);
  assert.deepEqual(range('7days', 'Europe/Berlin'), ['2026-03-23T23:00:00.000Z', '']);
  assert.deepEqual(range('month', 'Europe/Berlin'), ['2026-02-28T23:00:00.000Z', '']);
  assert.deepEqual(range('today'), ['2026-03-29T07:00:00.000Z', '']);
  useZone('UTC');
});

test('what a search asks for is told, a line for each criterion', () => {
  const words = (change) => wordsOf(made(change)).map((line) => line.replace(/[\u2066-\u2069]/g, ''));
  assert.deepEqual(words({ criteria: { userName: 'ali*', callerPhoneNumber: '*4668*' }, period: 'today' }), [
    'Caller contains “4668”',
    'Name begins with “ali”',
    'Today',
  ]);
  assert.deepEqual(words({}), ['Every call']);
  assert.match(words({ period: 'custom', from })[0], /^Began at or after .*2026/);
});
