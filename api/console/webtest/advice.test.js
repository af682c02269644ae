import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { describe, isAboutCenter, noticeText, reason, suggestions } from '../web/advice.js';
import { deletedWords } from '../web/messages.js';
import { emptySearch, readAddress, writeAddress } from '../web/state.js';
import { useZone } from '../web/time.js';

useZone('UTC');

const { labels, searches } = JSON.parse(
  readFileSync(new URL('../testdata/advice.json', import.meta.url), 'utf8'),
);
const plain = (text) => text.replace(/[\u2068\u2069]/g, '');
const read = (address) => readAddress({ search: address, hash: '' }).search;

test('a criterion is told in words', () => {
  for (const { name, value, words } of labels) assert.equal(plain(describe(name, value)), words);
});

test('an empty result says why, and what else could be searched for', () => {
  for (const { address, why, others } of searches) {
    const search = read(address);
    assert.equal(plain(reason(search)), why, address);
    const found = suggestions(search);
    assert.deepEqual(
      found.map((s) =>
        decodeURIComponent(writeAddress({ view: 'search', search: s.search }).replaceAll('+', ' ')),
      ),
      others,
      address,
    );
    for (const { words } of found) assert.ok(words.length > 3, address);
  }
});

test('nothing else is suggested to a search for everything', () => {
  assert.deepEqual(suggestions(emptySearch()), []);
  assert.equal(reason(emptySearch()), '');
});

test('a notice has the name that the box has', () => {
  assert.equal(noticeText('userName: "or" is a word'), 'Name: "or" is a word');
  assert.equal(noticeText('userData: x'), 'User data: x');
  assert.equal(noticeText('other: x'), 'other: x');
  assert.equal(noticeText('no parameter at all'), 'no parameter at all');
});

test('a notice about the contact center is known as such', () => {
  assert.ok(isAboutCenter('the contact center "a\nb" is unknown: the configuration does not name it'));
  assert.ok(!isAboutCenter('userName: "the contact center" is unknown'));
});

test('long values are cut where they are repeated', () => {
  assert.ok(describe('userData', `"${'x'.repeat(1000)}"`).length < 120);
});

test('a message says what was deleted', () => {
  const call = { caller: '+1', dialed: '+2', when: 'Sun, May 17, 2026, 10:00:00' };
  const of = 'the call +1 → +2 of Sun, May 17, 2026, 10:00:00';
  for (const [what, words] of [
    [{ media: false, total: 2, left: 0 }, `the metadata of ${of}. Its 2 media files stay in storage.`],
    [{ media: false, total: 1, left: 0 }, `the metadata of ${of}. Its media file stays in storage.`],
    [{ media: false, total: 0, left: 0 }, `the metadata of ${of}. It had no media files.`],
    [{ media: true, total: 1, left: 0 }, `${of}, with its media file.`],
    [{ media: true, total: 3, left: 0 }, `${of}, with its 3 media files.`],
    [
      { media: true, total: 3, left: 2 },
      `the metadata of ${of}, and 1 of its 3 media files. ` +
        'What could not be deleted (2 media files) is listed under Operations.',
    ],
    [
      { media: true, total: 1, left: 1 },
      `the metadata of ${of}, and none of its media files. ` +
        'What could not be deleted (1 media file) is listed under Operations.',
    ],
  ]) {
    assert.equal(plain(deletedWords({ ...call, ...what })), `Deleted: ${words}`);
  }
});
