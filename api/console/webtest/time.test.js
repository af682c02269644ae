import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import * as time from '../web/time.js';

const iso = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');

test('an hour that does not exist lies behind the gap, as a clock that nobody has put forward shows it', () => {
  for (const [zone, wall, want] of [
    ['America/Santiago', '2026-09-06T00:00', '2026-09-06T04:00:00Z'],
    ['America/New_York', '2026-03-08T02:30', '2026-03-08T07:30:00Z'],
    ['Europe/Berlin', '2026-03-29T02:00', '2026-03-29T01:00:00Z'],
    ['Europe/Berlin', '2026-03-29T02:59', '2026-03-29T01:59:00Z'],
    ['Europe/Berlin', '2026-03-29T03:00', '2026-03-29T01:00:00Z'],
  ]) {
    assert.ok(time.useZone(zone));
    assert.equal(iso(time.fromField(wall)), want, `${wall} in ${zone}`);
  }
});

test('an hour that exists twice means the first for From, and the second for To', () => {
  for (const [zone, wall, first, second] of [
    ['Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'],
    ['America/New_York', '2026-11-01T01:30', '2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z'],
    ['Europe/Berlin', '2026-10-25T01:59', '2026-10-24T23:59:00Z', '2026-10-24T23:59:00Z'],
    ['UTC', '2026-10-25T02:30', '2026-10-25T02:30:00Z', '2026-10-25T02:30:00Z'],
  ]) {
    time.useZone(zone);
    assert.equal(iso(time.fromField(wall)), first, `the first ${wall} in ${zone}`);
    assert.equal(iso(time.fromField(wall, { last: true })), second, `the second ${wall} in ${zone}`);
  }
});

test('a time has the offset of its moment, whenever one looks', () => {
  time.useZone('Europe/Berlin');
  assert.equal(time.offsetText('Europe/Berlin', Date.parse('2026-05-17T12:00Z')), 'UTC+2');
  assert.equal(time.offsetText('Europe/Berlin', Date.parse('2026-11-26T12:00Z')), 'UTC+1');
  assert.equal(time.offsetText('America/St_Johns', Date.parse('2026-01-01T12:00Z')), 'UTC−3:30');
  assert.equal(time.zoneText('Europe/Berlin', Date.parse('2026-05-17T12:00Z')), 'Europe/Berlin (UTC+2)');

  const [summer, winter] = ['2026-07-01T12:00Z', '2026-01-01T12:00Z'].map((t) =>
    time.otherOffset(Date.parse(t)),
  );
  assert.deepEqual([summer, winter].filter(Boolean).length, 1, 'one of both differs from today');
});

test('what a field shows is what it holds', () => {
  time.useZone('Asia/Kolkata');
  const ms = Date.parse('2026-05-17T19:45:00Z');
  assert.equal(time.toField(ms), '2026-05-18T01:15');
  assert.equal(time.fromField(time.toField(ms)), ms);
  for (const half of ['', '0002-05-17T10:00', '2026-05', 'x'])
    assert.ok(Number.isNaN(time.fromField(half)), half);
});

test('periods begin and end at midnight in the zone', () => {
  time.useZone('America/Los_Angeles');
  const now = Date.parse('2026-03-08T20:00:00Z'); // the day has 23 hours
  assert.deepEqual(time.periodRange('today', now).map(iso_or_open), ['2026-03-08T08:00:00Z', 'open']);
  assert.deepEqual(time.periodRange('yesterday', now).map(iso_or_open), [
    '2026-03-07T08:00:00Z',
    '2026-03-08T08:00:00Z',
  ]);
  assert.deepEqual(time.periodRange('7days', now).map(iso_or_open), ['2026-03-02T08:00:00Z', 'open']);
  assert.deepEqual(time.periodRange('month', now).map(iso_or_open), ['2026-03-01T08:00:00Z', 'open']);
  assert.deepEqual(time.periodRange('', now).map(iso_or_open), ['open', 'open']);
});

const iso_or_open = (ms) => (Number.isNaN(ms) ? 'open' : iso(ms));

test('spans of time', () => {
  for (const [ms, want, spoken] of [
    [7000, '0:07', '7 seconds'],
    [765_000, '12:45', '12 minutes 45 seconds'],
    [3_723_000, '1:02:03', '1 hour 2 minutes 3 seconds'],
    [0, '0:00', '0 seconds'],
    [-1000, '−0:01', '0 seconds'],
  ]) {
    assert.equal(time.span(ms), want);
    assert.equal(time.spokenSpan(ms), spoken);
  }
  assert.equal(time.span(NaN), '–');
});

test('times of the API are read, and written as it reads them', () => {
  assert.equal(time.parseTime('2013-05-17T19:45:32.000+0000'), Date.parse('2013-05-17T19:45:32Z'));
  assert.equal(time.parseTime('2013-05-17T11:45:32-0800'), Date.parse('2013-05-17T19:45:32Z'));
  assert.ok(Number.isNaN(time.parseTime(undefined)));
  assert.equal(time.isoTime(0), '1970-01-01T00:00:00.000Z');
});

// The cases are made by the Go test that runs this (modules_integration_test.go): every change of the
// clocks of three years, in every zone, as Go's own time package knows it.
test('clocks of all zones are what another implementation says', () => {
  const cases = JSON.parse(readFileSync(process.env.ZONE_CASES, 'utf8'));

  let compared = 0;
  const wrong = [];
  for (const { zone, wall, first, last, change, before, after } of cases) {
    if (offsetBy(zone, change - 1000) !== before || offsetBy(zone, change) !== after) continue;
    compared++;
    time.useZone(zone);
    const got = [time.fromField(wall), time.fromField(wall, { last: true })];
    if (got[0] !== first || got[1] !== last) {
      wrong.push(`${zone} ${wall}: ${got.map(iso)}, want ${iso(first)}, ${iso(last)}`);
    }
  }
  assert.ok(compared > 2000, `only ${compared} of ${cases.length} cases are of the same database of zones`);
  assert.ok(wrong.length === 0, `${wrong.length} of ${compared}:\n${wrong.slice(0, 20).join('\n')}`);
});

/** The offset of a zone as this JavaScript engine knows it, NaN if it has no such zone. */
function offsetBy(zone, ms) {
  try {
    const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
    const name = format.formatToParts(ms).find((p) => p.type === 'timeZoneName').value;
    const [, sign, hours, minutes, seconds] = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name);
    return (sign === '-' ? -1000 : 1000) * ((hours ?? 0) * 3600 + (minutes ?? 0) * 60 + Number(seconds ?? 0));
  } catch {
    return NaN;
  }
}
