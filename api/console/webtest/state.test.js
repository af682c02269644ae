import test from 'node:test';
import assert from 'node:assert/strict';

import { useZone } from '../web/time.js';
import {
  readAddress,
  writeAddress,
  criteriaOf,
  emptySearch,
  rangeOf,
  remember,
  remembered,
} from '../web/state.js';

useZone('UTC');

const read = (address) => {
  const url = new URL(address, 'http://127.0.0.1/');
  return readAddress({ search: url.search, hash: url.hash });
};

test('an address is written as it is read', () => {
  for (const address of [
    './',
    '?callerPhoneNumber=*4668',
    '?callerPhoneNumber=%2B1650*&userName=alice+AND+%22b+c%22&userData=m%C3%BCller',
    '?startTime=2026-05-17T00%3A00%3A00.000Z&endTime=2026-05-18T00%3A00%3A00.000Z',
    '?period=yesterday',
    '?recording=a%2Fb+%C3%BC',
    '?recording=r1#t=83',
    '?contactCenter=c1&view=operations',
    '?userName=alice&timeZone=Europe%2FBerlin',
  ]) {
    assert.equal(writeAddress(read(address)), address);
  }
});

test('what an address does not say is open', () => {
  const state = read('./');
  assert.deepEqual(state.search, emptySearch());
  assert.equal(state.view, 'search');
  assert.equal(state.searched, false);
  assert.ok(Number.isNaN(state.at));
});

test('a recording goes before a view, and a moment counts in milliseconds', () => {
  const state = read('?view=operations&recording=r1#t=83.5');
  assert.equal(state.view, 'recording');
  assert.equal(state.at, 83_500);
  assert.ok(Number.isNaN(read('?recording=r1#t=x').at));
});

test('times of an address are milliseconds, or those of the API', () => {
  assert.deepEqual(rangeOf(read('?startTime=1368819932000').search).slice(0, 1), [1368819932000]);
  assert.equal(read('?startTime=2013-05-17T19:45:32.000%2B0000').search.from, 1368819932000);
  assert.equal(read('?endTime=2013-05-17T19:45:32Z').search.period, 'custom');
});

test('at least one criterion is asked for', () => {
  assert.equal(criteriaOf(emptySearch()).toString(), 'startTime=0');
  assert.equal(criteriaOf(read('?userName=alice').search).toString(), 'userName=alice');
  const both = criteriaOf(read('?userName=a&endTime=2026-05-18T00:00:00Z').search);
  assert.equal(both.toString(), 'userName=a&endTime=2026-05-18T00%3A00%3A00.000Z');
});

test('a browser that refuses to remember forgets', () => {
  remember('x', 'y'); // there is no localStorage here
  assert.equal(remembered('x'), '');
});
