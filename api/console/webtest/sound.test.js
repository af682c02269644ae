import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { layOut } from '../web/axis.js';
import { end, heardBetween, lay, momentOf, notesOf, sizeNote, timeAt, whySilent } from '../web/sound.js';

const at = (seconds) => new Date(Date.parse('2026-05-17T10:00:00Z') + seconds * 1000).toISOString();
const origin = Date.parse(at(0));

/** A file of so many seconds, with pauses [from, to], whose audio is so long; all in seconds. */
function fileOf({ span, pauses = [], length, size, bytes }) {
  const masks = pauses.flatMap(([a, b]) => [
    { time: at(a), type: 'paused' },
    ...(b === null ? [] : [{ time: at(b), type: 'resumed' }]),
  ]);
  const media = { startTime: at(0), stopTime: at(span), masks, size };
  const [file] = layOut({ mediaFiles: [media], eventHistory: [] }).files;
  if (bytes !== undefined) file.bytes = bytes;
  lay(file, length * 1000);
  return file;
}

const cases = JSON.parse(readFileSync(new URL('../testdata/sounds.json', import.meta.url)));

for (const c of cases)
  test(c.name, () => {
    const file = fileOf(c);
    assert.equal((file.stop - origin) / 1000, c.stop, 'where the file ends');
    for (const [moment, second] of c.heard) {
      const time = timeAt(file, origin + moment * 1000) / 1000;
      if (second === null) assert.ok(Number.isNaN(time), `${time} is heard at ${moment}`);
      else {
        assert.equal(time, second, `at ${moment}`);
        assert.equal((momentOf(file, second * 1000) - origin) / 1000, moment, `back from ${second}`);
      }
    }
    assert.deepEqual(
      notesOf(file).map((n) => n.replace(/^(The last \S+ \S+|By its times|This file has \S+ bytes).*/, '$1')),
      c.notes ?? [],
    );
  });

test('what is not measured yet plays as its times say, or without an end', () => {
  const file = fileOf({ span: 20, length: NaN });
  assert.deepEqual([timeAt(file, origin + 5000), end(file) - origin], [5000, 20_000]);
  assert.equal(timeAt(fileOf({ span: 0, length: NaN }), origin + 7000), 7000);
});

test('between two moments the first sound is heard, never that of a pause', () => {
  const file = fileOf({ span: 20, pauses: [[5, 13]], length: 12 });
  const heard = (a, b) => heardBetween(file, origin + a * 1000, origin + b * 1000);
  assert.deepEqual(heard(4, 6), [4000, 5000]);
  assert.deepEqual(heard(12, 14), [5000, 6000]);
  assert.equal(heard(5, 13), null);
  assert.equal(heard(20, 30), null);
});

test('sizes are compared where they are numbers, and told', () => {
  const size = (posted, bytes) => sizeNote({ media: { size: posted }, bytes });
  assert.match(size('640044', 64044), /64,044 bytes, and 640,044 were posted: it may be cut off/);
  assert.match(size('10', 20), /another one/);
  assert.equal(sizeNote({ encrypted: true, media: { size: '10' }, bytes: 20 }), '');
  assert.match(sizeNote({ encrypted: true, media: { size: '20' }, bytes: 10 }), /cut off/);
  for (const [posted, bytes] of [
    ['20', 20],
    [20, 20],
    ['20 kB', 10],
    ['', 10],
    [undefined, 10],
    ['20', NaN],
  ])
    assert.equal(size(posted, bytes), '');
});

test('what is silent is told by its bytes', () => {
  const bytes = (text, more = 0) => new Uint8Array([...Buffer.from(text, 'latin1'), ...new Uint8Array(more)]);
  const riff = (chunks) => `RIFF\x24\0\0\0WAVE${chunks}`;
  const fmt = `fmt \x10\0\0\0${'\x01\0'.repeat(8)}`;
  assert.match(whySilent(bytes('')), /empty/);
  assert.match(whySilent(bytes(riff(`${fmt}data\0\0\0\0`))), /no audio: its 44 bytes/);
  assert.match(whySilent(bytes(riff(`LIST\xc8\0\0\0${'x'.repeat(200)}${fmt}data\0\0\0\0`))), /its 252 bytes/);
  assert.match(whySilent(bytes(riff(fmt))), /no audio/);
  assert.match(whySilent(bytes('ID3')), /its 3 bytes/);
  assert.equal(whySilent(bytes(riff(`${fmt}data\0\0\0\0`), 1000)), '');
  assert.equal(whySilent(bytes(riff(fmt)), 100_000), '');
  assert.equal(whySilent(bytes('#!AMR\n', 1000)), '');
});
