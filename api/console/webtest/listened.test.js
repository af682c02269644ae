import test from 'node:test';
import assert from 'node:assert/strict';

import { listenings } from '../web/listened.js';

const files = [
  { media: { mediaUri: 'http://h/api/v2/recordings/r/play/a.wav', size: '1000' } },
  { media: { mediaUri: 'http://h/api/v2/recordings/r/play/b.wav' }, bytes: 200 },
];
const line = (sequence, action, outcome, facts) => ({ sequence, action, outcome, facts, user: 'alice' });

test('what was heard is told once, the newest first', () => {
  const all = listenings(
    [
      line(1, 'view', 'done'),
      line(2, 'play', 'begun', { media: 'a.wav' }),
      line(3, 'play', 'begun', { media: 'b.wav' }),
      line(4, 'play', 'done', { media: 'a.wav', begun: 2, bytes: 500, ranges: '0-399,900-999' }),
      line(5, 'play', 'notFound', { media: 'b.wav' }),
      line(6, 'download', 'begun', { media: 'b.wav' }),
      line(7, 'download', 'done', { media: 'b.wav', begun: 6 }),
      line(8, 'play', 'begun', { media: 'b.wav' }),
      line(9, 'play', 'done', { media: 'b.wav', begun: 8, bytes: 200, ranges: '0-199' }),
    ],
    files,
  );
  assert.deepEqual(
    all.map((one) => `${one.sequence} ${one.words}`),
    ['8 played all of file 2', '6 saved file 2', '3 began to play file 2', '2 played 50 % of file 1'],
  );
});

test('of one file only, it is "it"', () => {
  const [one] = listenings([line(1, 'play', 'begun', { media: 'a.wav' })], files.slice(0, 1));
  assert.equal(one.words, 'began to play it');
});

test('who had it drawn did not listen, and who got nothing is left out', () => {
  const all = listenings(
    [
      line(1, 'preview', 'begun', { media: 'a.wav' }),
      line(2, 'preview', 'done', { media: 'a.wav', begun: 1, bytes: 1000, ranges: '0-999' }),
      line(3, 'preview', 'begun', { media: 'b.wav' }),
      line(4, 'play', 'begun', { media: 'b.wav' }),
      line(5, 'play', 'done', { media: 'b.wav', begun: 4, bytes: 0, ranges: '' }),
    ],
    files,
  );
  assert.deepEqual(
    all.map((one) => `${one.action} ${one.words}`),
    ['preview had file 2 drawn', 'preview had all of file 1 drawn'],
  );
});

test('who has saved it in a ZIP with others', () => {
  const name = 'recordings-20260517T120000Z.zip';
  const all = listenings(
    [
      line(1, 'download', 'begun', { archive: name }),
      line(2, 'download', 'done', { archive: name, begun: 1, bytes: 1200 }),
      line(3, 'download', 'begun', { archive: name }),
      line(4, 'download', 'partly', { archive: name, begun: 3, bytes: 5 }),
      line(5, 'download', 'begun', { archive: name }),
      line(6, 'download', 'partly', { archive: name, begun: 5, bytes: 0 }),
      line(7, 'download', 'begun', { archive: name }),
    ],
    files,
  );
  assert.deepEqual(
    all.map((one) => one.words),
    [
      'is saving all of it, in a ZIP with others',
      'saved a part of it, in a ZIP with others',
      'saved all of it, in a ZIP with others',
    ],
  );
});
