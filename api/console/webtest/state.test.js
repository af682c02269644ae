import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { problemText } from '../web/link.js';
import { useZone } from '../web/time.js';
import {
  readAddress,
  writeAddress,
  criteriaOf,
  emptySearch,
  queryOf,
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
    '?startTime=2026-05-17T00%3A00%3A00.000Z&startedBefore=2026-05-18T00%3A00%3A00.000Z',
    '?endTime=2026-05-18T00%3A00%3A00.000Z',
    '?minDuration=30&maxDuration=90&endedAfter=2026-05-18T00%3A00%3A00.000Z&period=today',
    '?userData=gold&userDataKey.Queue=Billing&userDataKey.a+b=x*&period=today',
    '?period=yesterday',
    '?period=today&sort=startTime',
    '?sort=startTime',
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
  assert.equal(read('?startedBefore=2013-05-17T19:45:32Z').search.period, 'custom');
  assert.equal(read('?endTime=2013-05-17T19:45:32Z').search.criteria.endTime, '2013-05-17T19:45:32.000Z');
});

test('at least one criterion is asked for', () => {
  assert.equal(criteriaOf(emptySearch()).toString(), 'startTime=0');
  assert.equal(criteriaOf(read('?userName=alice').search).toString(), 'userName=alice');
  const both = criteriaOf(read('?userName=a&startedBefore=2026-05-18T00:00:00Z').search);
  assert.equal(both.toString(), 'userName=a&startedBefore=2026-05-18T00%3A00%3A00.000Z');
});

test('the order is asked for beside the criteria, and counts nothing', () => {
  const { search } = read('?userName=alice&sort=startTime');
  assert.equal(queryOf(search).toString(), 'userName=alice&sort=startTime');
  assert.equal(criteriaOf(search).toString(), 'userName=alice');
  assert.equal(queryOf(read('?sort=startTime').search).toString(), 'startTime=0&sort=startTime');
  assert.equal(queryOf(emptySearch()).toString(), 'startTime=0');
});

test('a browser that refuses to remember forgets', () => {
  remember('x', 'y'); // there is no localStorage here
  assert.equal(remembered('x'), '');
});

test('what an address asks for in vain is told, and the rest is kept', () => {
  const cases = JSON.parse(readFileSync(new URL('../testdata/addresses.json', import.meta.url), 'utf8'));
  for (const { address, problems, criteria, ...want } of cases) {
    const { problems: told, search, ...state } = read(address);
    assert.equal(told.length, problems.length, `${address}: ${JSON.stringify(told)}`);
    problems.forEach(([name, part], i) => {
      assert.equal(told[i].name, name, address);
      assert.ok(problemText(told[i]).includes(part), `${address}: ${problemText(told[i])}`);
    });
    if (criteria) assert.deepEqual(search.criteria, criteria, address);
    for (const [name, value] of Object.entries(want))
      assert.equal({ ...search, ...state }[name], value, address);
    if (problems.length > 0) assert.ok(state.searched, `${address} takes the place of the last search`);
  }
});

test('spans of time that lie side by side have each call once', () => {
  const day = (from) => criteriaOf({ ...emptySearch(), period: 'custom', from, to: from + 86400e3 });
  const days = Array.from({ length: 7 }, (_, i) => day(Date.parse('2026-05-11T00:00Z') + i * 86400e3));
  for (let i = 1; i < days.length; i++)
    assert.equal(days[i].get('startTime'), days[i - 1].get('startedBefore'));
  assert.ok(days.every((d) => !d.has('endTime')));
});
