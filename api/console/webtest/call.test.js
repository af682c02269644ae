import test from 'node:test';
import assert from 'node:assert/strict';

import { layOut, ticks } from '../web/axis.js';
import { summary, nameOf, dataOf, text } from '../web/summary.js';
import { wantedOf } from '../web/matched.js';
import { emptySearch } from '../web/state.js';
import { actionOf } from '../web/keys.js';

const at = (seconds) => new Date(Date.parse('2026-05-17T10:00:00Z') + seconds * 1000).toISOString();
const agent = { type: 'User', phoneNumber: '1', userName: 'a@example.com', firstName: 'Ann', lastName: 'Bo' };

const call = {
  id: 'r1',
  callerPhoneNumber: '+1650',
  dialedPhoneNumber: '+1415',
  startTime: at(0),
  stopTime: at(60),
  mediaFiles: [
    {
      startTime: at(0),
      stopTime: at(40),
      masks: [
        { time: at(10), type: 'paused' },
        { time: at(20), type: 'resume' },
      ],
    },
    { startTime: at(30), stopTime: at(60), pkcs7: 'x' },
  ],
  eventHistory: [
    { occurredAt: at(50), event: 'Left', contact: agent },
    { occurredAt: at(5), event: 'Joined', contact: agent },
    { occurredAt: at(15), event: 'data', data: { added: { case: 'C1', vip: true }, deleted: { old: 'gone' } } },
    { occurredAt: at(100_000), event: 'Left', contact: agent },
  ],
};

test('a call is laid out: files that overlap on tracks of their own, stays, data, pauses', () => {
  const layout = layOut(call);
  assert.equal(layout.tracks.length, 2);
  assert.deepEqual(
    layout.files.map((f) => f.encrypted),
    [false, true],
  );
  assert.deepEqual(layout.files[0].pauses, [[Date.parse(at(10)), Date.parse(at(20))]]);
  assert.equal(layout.data.length, 1);
  assert.equal(layout.lanes.length, 1);
  assert.deepEqual(layout.lanes[0].spans[0], [Date.parse(at(5)), Date.parse(at(50))]);

  // What lies a day behind the media is told among the events, and does not stretch the axis.
  assert.equal(layout.events.length, 4);
  assert.equal(layout.to, Date.parse(at(60)));
  assert.equal(layout.percent(layout.from), 0);
  assert.equal(layout.percent(layout.to), 100);
  assert.equal(layout.percent(layout.to + 1e9), 100);
});

test('a file that stops before it starts has no length, and an empty call an axis', () => {
  const layout = layOut({ ...call, mediaFiles: [{ startTime: at(0), stopTime: at(-5) }], eventHistory: [] });
  assert.equal(layout.files[0].start, layout.files[0].stop);
  assert.ok(layout.to > layout.from);
});

test('ticks lie on the axis, at round distances', () => {
  const layout = layOut(call);
  const all = ticks(layout, 6);
  assert.ok(all.length >= 2 && all.length <= 8, `${all.length} ticks`);
  const distances = new Set(all.slice(1).map((t, i) => t - all[i]));
  assert.equal(distances.size, 1);
});

test('a row says who and what, the words of the search first', () => {
  const row = summary(call, wantedOf({ ...emptySearch(), criteria: { userData: 'c1' } }));
  assert.deepEqual([row.caller, row.dialed, row.agents, row.files], ['+1650', '+1415', 'Ann Bo', 2]);
  assert.ok(row.masked && row.encrypted);
  assert.equal(row.data, 'C1');
  assert.equal(row.start, Date.parse(at(0)));
});

test('names of contacts', () => {
  assert.equal(nameOf(agent), 'Ann Bo');
  assert.equal(nameOf({ userName: 'u', phoneNumber: '1' }), 'u');
  assert.equal(nameOf({ phoneNumber: '1' }), '1');
  assert.equal(nameOf({}), 'unknown');
});

test('data events are flat, or grouped by what became of the values', () => {
  assert.deepEqual(dataOf({ data: { a: 1, b: { c: 2 } } }), [
    ['a', '1', ''],
    ['b', '{"c":2}', ''],
  ]);
  assert.deepEqual(dataOf({ data: { added: { a: 'x' }, deleted: { b: 'y' } } }), [
    ['a', 'x', 'added'],
    ['b', 'y', 'deleted'],
  ]);
  // A value called added that is no map is a value.
  assert.deepEqual(dataOf({ data: { added: 'x' } }), [['added', 'x', '']]);
  assert.deepEqual(dataOf({}), []);
  assert.equal(text(undefined), '');
});

test('keys are the page’s only without modifiers, and outside of fields', () => {
  assert.equal(actionOf({ key: '/' }, false), 'search');
  assert.equal(actionOf({ key: '?' }, false), 'keys');
  assert.equal(actionOf({ key: '/' }, true), '');
  assert.equal(actionOf({ key: 'Escape' }, true), 'escape');
  assert.equal(actionOf({ key: '/', ctrlKey: true }, false), '');
  assert.equal(actionOf({ key: 'x' }, false), '');
});
