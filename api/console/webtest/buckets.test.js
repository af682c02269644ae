import test from 'node:test';
import assert from 'node:assert/strict';

import * as buckets from '../web/buckets.js';
import { emptySearch } from '../web/state.js';
import { fromWall, useZone } from '../web/time.js';

const hour = 3600e3;
const day = 24 * hour;
const api = (ms) => new Date(ms).toISOString().replace('Z', '+0000');

/** An answer of the API with these beginnings, of which the last is where it ends. */
const answer = (interval, begins, counts) => ({
  interval,
  until: api(begins.at(-1)),
  buckets: begins.slice(0, -1).map((from, i) => ({ from: api(from), count: counts?.[i] ?? 1 })),
});

/** The beginnings of so many days, or months, in the zone. */
const days = (n, y, m, d) => Array.from({ length: n }, (_, i) => fromWall(y, m, d + i));
const months = (n, y, m) => Array.from({ length: n }, (_, i) => fromWall(y, m + i, 1));
const texts = (bars, room) => buckets.labelsOf(bars, room).map((l) => `${l.index}=${l.text}`);

test('bars are as short as their number allows', () => {
  for (const [span, most, want] of [
    [0, 60, 'hour'],
    [2 * day, 60, 'hour'],
    [3 * day, 60, 'day'],
    [3 * day, 180, 'hour'],
    [7 * day, 180, 'hour'],
    [58 * day, 60, 'day'],
    [60 * day, 60, 'week'],
    [400 * day, 60, 'week'],
    [500 * day, 60, 'month'],
    [99999 * day, 60, 'month'],
  ])
    assert.equal(buckets.intervalFor(1e12, 1e12 + span, most), want, `${span / day} days, ${most} bars`);
  assert.ok(buckets.isFiner('hour', 'day') && !buckets.isFiner('day', 'day') && !buckets.isFiner('month', 'week'));
});

test('a bucket ends where the next one begins, also where clocks are changed', () => {
  useZone('Europe/Berlin');
  const spans = buckets.spansOf(answer('day', days(3, 2026, 10, 24), [5, 0, 7]));
  assert.deepEqual(
    spans.map((s) => [(s.until - s.from) / hour, s.count]),
    [
      [24, 5],
      [25, 0],
    ],
  );
  assert.equal(spans[0].until, spans[1].from);
});

test('months that are too many become years of the zone', () => {
  useZone('Pacific/Auckland');
  const all = answer('month', months(31, 2024, 11));
  assert.equal(buckets.barsOf(all, 30).interval, 'month');
  const { interval, spans } = buckets.barsOf(all, 29);
  assert.equal(interval, 'year');
  assert.deepEqual(
    spans.map((s) => [s.year, s.count]),
    [
      [2024, 2],
      [2025, 12],
      [2026, 12],
      [2027, 4],
    ],
  );
  assert.equal(spans[1].from, fromWall(2025, 1, 1));
  assert.equal(spans[1].until, spans[2].from);
  assert.equal(spans[3].until, fromWall(2027, 5, 1));
});

test('labels stand where they have room', () => {
  useZone('UTC');
  const of = (interval, begins) => buckets.barsOf(answer(interval, begins), 1000);
  const hours = of(
    'hour',
    Array.from({ length: 49 }, (_, i) => fromWall(2026, 11, 24, 21 + i)),
  );
  assert.deepEqual(
    texts(hours, 6).map((t) => t.replace(/=.*\D(?=\d\d:00$)/, '=')),
    ['3=Nov 25', '9=06:00', '15=12:00', '21=18:00', '27=Nov 26', '33=06:00', '39=12:00', '45=18:00'],
  );
  assert.deepEqual(texts(hours, 13), ['3=Nov 25', '27=Nov 26']);

  const year = of('day', days(366, 2026, 1, 1));
  assert.deepEqual(texts(year, 7).slice(0, 2), ['4=Jan 5', '11=Jan 12'], 'Mondays');
  assert.equal(texts(year, 8).length, 12);
  assert.equal(texts(year, 40).length, 4);
  assert.deepEqual(texts(of('day', days(6, 2026, 11, 24)), 1.1), ['0=Nov 24', '2=Nov 26', '4=Nov 28']);
  assert.deepEqual(
    texts(of('month', months(15, 2025, 10)), 1),
    ['0=Oct', '1=Nov', '2=Dec', '3=2026'].concat(
      ['Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov'].map((m, i) => `${i + 4}=${m}`),
    ),
  );
  assert.deepEqual(texts(of('month', months(31, 2025, 10)), 4), ['3=2026', '15=2027', '27=2028']);
  assert.deepEqual(texts(of('hour', [fromWall(2026, 1, 1, 5), fromWall(2026, 1, 1, 6)]), 9), ['0=05:00']);
});

test('the labels of the zones whose clocks are odd are whole hours and days', () => {
  useZone('Asia/Kathmandu');
  const hours = Array.from({ length: 31 }, (_, i) => fromWall(2026, 11, 24, i));
  assert.deepEqual(texts(buckets.barsOf(answer('hour', hours), 99), 8), ['0=Nov 24', '12=12:00', '24=Nov 25']);
  useZone('America/Santiago'); // whose summer begins at midnight: that day has no 00:00
  const spring = buckets.barsOf(answer('day', days(15, 2026, 8, 31)), 99);
  assert.deepEqual(texts(spring, 5), ['0=Aug 31', '7=Sep 7']);
});

test('a bar is told by its hour, day, week, month or year', () => {
  useZone('UTC');
  const at = (...wall) => fromWall(...wall);
  for (const [interval, from, until, want] of [
    ['hour', at(2026, 11, 26, 8), at(2026, 11, 26, 9), /Thu, Nov 26, 08:00\D+09:00$/],
    ['hour', at(2026, 11, 26, 23), at(2026, 11, 27, 0), /Thu, Nov 26, 23:00.*Fri, Nov 27, 00:00$/],
    ['day', at(2026, 11, 26), at(2026, 11, 27), /^Thu, Nov 26, 2026$/],
    ['day', at(2026, 11, 26), at(2026, 11, 29), /^Nov 26\D+28, 2026$/],
    ['week', at(2026, 11, 23), at(2026, 11, 30), /^Nov 23\D+29, 2026$/],
    ['month', at(2026, 11, 1), at(2026, 12, 1), /^November 2026$/],
    ['month', at(2026, 11, 1), at(2027, 2, 1), /^November 2026\D+January 2027$/],
    ['year', at(2025, 1, 1), at(2027, 1, 1), /^2025\D+2026$/],
  ])
    assert.match(buckets.spanText(interval, from, until), want);

  useZone('Europe/Berlin');
  const summer = buckets.spanText('hour', Date.parse('2026-10-25T00:00Z'), Date.parse('2026-10-25T01:00Z'));
  const winter = buckets.spanText('hour', Date.parse('2026-10-25T01:00Z'), Date.parse('2026-10-25T02:00Z'));
  assert.notEqual(summer, winter, 'the hour that exists twice');
  assert.deepEqual([0, 1, 2500].map(buckets.countText), ['no calls', '1 call', '2,500 calls']);
});

test('keys move, and with Shift they choose', () => {
  const go = (...keys) =>
    keys.reduce((at, key) => buckets.moved(at, key.replace('+', ''), key.startsWith('+'), 10), buckets.atEnd(10));
  assert.deepEqual(go(), { cursor: 9, anchor: -1 });
  assert.deepEqual(buckets.chosen(go('ArrowLeft', 'ArrowDown')), [7, 7]);
  assert.deepEqual(buckets.chosen(go('ArrowLeft', '+ArrowLeft', '+ArrowLeft')), [6, 8]);
  assert.deepEqual(buckets.chosen(go('Home', '+ArrowRight', '+ArrowUp')), [0, 2]);
  assert.deepEqual(buckets.chosen(go('ArrowLeft', '+Home', '+End')), [8, 9]);
  assert.deepEqual(buckets.chosen(go('+Home', 'ArrowRight')), [1, 1], 'without Shift nothing is chosen');
  assert.deepEqual(buckets.chosen(go('ArrowRight', 'Home', 'ArrowLeft')), [0, 0], 'there is an end');
  assert.equal(buckets.moved(buckets.atEnd(3), 'Enter', false, 3), null);
});

test('a search is narrowed, and never widened', () => {
  const spans = [
    { from: 100, until: 200, count: 1 },
    { from: 200, until: 300, count: 2 },
    { from: 300, until: 400, count: 4 },
  ];
  assert.deepEqual(buckets.sumOf(spans, [1, 2]), { from: 200, until: 400, count: 6 });

  const search = { ...emptySearch(), criteria: { userName: 'alice' }, period: 'today' };
  const to = (range, some) => buckets.narrowed(search, range, buckets.sumOf(spans, some));
  assert.deepEqual(to([NaN, NaN], [0, 1]), { ...search, period: 'custom', from: 100, to: 300 });
  assert.deepEqual(to([150, NaN], [0, 1]), { ...search, period: 'custom', from: 150, to: 300 });
  assert.deepEqual(to([150, 350], [0, 2]), null);
  assert.deepEqual(to([150, 350], [2, 2]), { ...search, period: 'custom', from: 300, to: 350 });
});
