import assert from 'node:assert/strict';
import { test } from 'node:test';

import { partsOf, wordsOf } from '../web/download.js';

test('ids are divided so that each part fits into an address', () => {
  const ids = Array.from({ length: 500 }, (_, i) => `00PV5Q27MG8AB8VNE49362LAES${String(i).padStart(6, '0')}`);
  const parts = partsOf(ids);
  assert.deepEqual(parts.flat(), ids);
  assert.ok(parts.length > 3 && parts.length < 6);
  for (const part of parts) {
    assert.ok(new URLSearchParams(part.map((id) => ['recording', id])).toString().length < 6000);
    assert.ok(part.length <= 1000);
  }
  assert.deepEqual(partsOf([]), []);
  assert.deepEqual(partsOf(['é'.repeat(9000), 'b']), [['é'.repeat(9000)], ['b']]); // one that fits nowhere
  assert.deepEqual(partsOf(['a', 'b', 'c'], 2 * '&recording=a'.length), [['a', 'b'], ['c']]);
});

const size = { recordings: 1, missing: 0, files: 1, encrypted: 0, bytes: 999, unsized: 0 };

test('how much it is, in sentences', () => {
  assert.deepEqual(wordsOf(size), ['1 call with 1 media file, about 1 kB.']);
  assert.deepEqual(wordsOf({ ...size, bytes: 0, unsized: 1 }), ['1 call with 1 media file.']);
  assert.deepEqual(wordsOf({ recordings: 1200, missing: 2, files: 1300, encrypted: 3, bytes: 34.25e6, unsized: 9 }), [
    '1,200 calls with 1,300 media files, more than 34.3 MB.',
    '3 of the files are encrypted, and come as they are stored.',
    '2 of the selected calls are not there any more.',
  ]);
  assert.deepEqual(wordsOf({ ...size, missing: 1, encrypted: 1 }).slice(1), [
    'One of the files is encrypted, and comes as it is stored.',
    'One of the selected calls is not there any more.',
  ]);
});
