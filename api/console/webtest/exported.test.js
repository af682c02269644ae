import test from 'node:test';
import assert from 'node:assert/strict';

import { endOf, forms, lastOf, linesOf, progressText } from '../web/exported.js';

const bytes = (text) => new TextEncoder().encode(text);

test('an export is whole if it ends with its count', () => {
  for (const [format, end, want] of [
    ['ndjson', '{"id":"a"}\n{"statusCode":0,"count":17}\n', 17],
    ['ndjson', '{"statusCode":0,"count":0}\n', 0],
    ['ndjson', '{"id":"a"}\n', NaN],
    ['ndjson', '{"statusCode":0,"count":17}', NaN],
    ['csv', '"a","b"\r\n"#count","3","",""\r\n', 3],
    ['csv', '"a","b"\r\n', NaN],
    ['csv', '', NaN],
  ]) {
    const { whole, count } = endOf(format, bytes(end));
    assert.equal(whole, !Number.isNaN(want), end);
    assert.equal(count, want, end);
  }
});

test('a workbook is whole if it ends as a ZIP file', () => {
  const end = (comment = '') => [
    0x50,
    0x4b,
    5,
    6,
    ...new Array(16).fill(7),
    comment.length,
    0,
    ...bytes(comment),
  ];
  assert.ok(endOf('xlsx', new Uint8Array(end())).whole);
  assert.ok(endOf('xlsx', new Uint8Array([1, 2, 3, ...end('a comment')])).whole);
  for (const broken of [
    [],
    end().slice(0, -1),
    [...end(), 1],
    end('ab').slice(0, -1),
    new Array(200).fill(0x50),
  ])
    assert.ok(!endOf('xlsx', new Uint8Array(broken)).whole, String(broken));
});

test('the end is kept, however the bytes come', () => {
  const all = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
  for (const size of [1, 7, 199, 200, 201, 1000]) {
    let end = new Uint8Array();
    for (let i = 0; i < all.length; i += size) end = lastOf(end, all.slice(i, i + size));
    assert.deepEqual(end, all.slice(-200), `pieces of ${size}`);
  }
  assert.equal(linesOf(bytes('a\nb\n\nc')), 3);
});

test('how far an export is', () => {
  const [workbook, csv] = forms;
  assert.equal(progressText(csv, { rows: 1, bytes: 9, total: 0 }), '1 call');
  assert.equal(progressText(csv, { rows: 17, bytes: 9, total: 3000 }), '17 of 3,000 calls');
  assert.equal(progressText(workbook, { rows: 0, bytes: 1234, total: 0 }), '2 kB');
  assert.equal(progressText(workbook, { rows: 0, bytes: 12_345_678, total: 3000 }), '12.3 MB for 3,000 calls');
});
