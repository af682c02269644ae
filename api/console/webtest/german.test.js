import test from 'node:test';
import assert from 'node:assert/strict';

import { describe as describeCriterion, reason } from '../web/advice.js';
import { deletedWords } from '../web/messages.js';
import { refusalText } from '../web/refusals.js';
import { readAddress } from '../web/state.js';
import { hasText, sentence, sizeText, t, useTexts } from '../web/texts.js';
import { dayText, fieldsDiffer, spokenSpan, useZone } from '../web/time.js';
import { wordsOf } from '../web/download.js';
import { textsOf } from './texts.js';

const plain = (text) => text.replace(/[\u2068\u2069]/g, '');

/** What f returns in a language. */
const inLanguage = (language, wanted, f) => {
  useTexts(textsOf(language), wanted);
  try {
    return f();
  } finally {
    useTexts(textsOf('en'), ['en-US']);
  }
};
const inGerman = (f) => inLanguage('de', ['en-US', 'de-DE', 'de-AT'], f);

test('a sentence has its places, and a form for its number', () => {
  assert.equal(t('common.calls', { n: 1 }), '1 call');
  assert.equal(t('common.calls', { n: 2500 }), '2,500 calls');
  assert.equal(inGerman(() => t('common.calls', { n: 1 })), '1 Anruf');
  assert.equal(inGerman(() => t('common.calls', { n: 2500 })), '2.500 Anrufe');
  assert.deepEqual(sentence('page.machine', { user: { node: true }, role: 'x' }).slice(0, 3), [
    '',
    { node: true },
    ' has the role ',
  ]);
});

test('a text or a place that there is not is an error', () => {
  assert.throws(() => t('common.nothing'), /common.nothing/);
  assert.throws(() => t('nothing.at_all'), /nothing.at_all/);
  assert.throws(() => t('common.calls'), /n of common.calls/);
  assert.ok(hasText('common.calls') && !hasText('common.x') && !hasText('x'));
});

test('dates, sizes and spans are written as in the language', () => {
  useZone('UTC');
  const day = Date.parse('2026-05-17T10:00Z');
  assert.equal(dayText(day), 'Sun, May 17, 2026');
  assert.equal(inGerman(() => dayText(day)), 'So., 17. Mai 2026');
  assert.equal(inLanguage('en', ['de', 'en-GB'], () => dayText(day)), 'Sun, 17 May 2026');
  assert.equal(inLanguage('en', ['fr'], () => dayText(day)), 'Sun, May 17, 2026');
  assert.equal(inGerman(() => sizeText(12_345_678)), '12,3 MB');
  assert.equal(inGerman(() => spokenSpan(3_723_000)), '1 Stunde 2 Minuten 3 Sekunden');
});

test('sentences are German ones', () => {
  const search = readAddress({ search: '?callerPhoneNumber=*4668*', hash: '' }).search;
  assert.equal(plain(inGerman(() => describeCriterion('userName', 'ali*'))), 'Name beginnt mit „ali“');
  assert.equal(plain(inGerman(() => reason(search))), 'Keine Nummer eines Anrufers enthält „4668“.');
  const size = { recordings: 1200, missing: 1, files: 1300, encrypted: 0, bytes: 34.25e6, unsized: 9 };
  assert.deepEqual(inGerman(() => wordsOf(size)), [
    '1.200 Anrufe mit 1.300 Mediendateien, mehr als 34,3 MB.',
    'Einen der ausgewählten Anrufe gibt es nicht mehr.',
  ]);
  const call = { caller: '+1', dialed: '+2', when: 'heute', media: true, total: 3, left: 2 };
  assert.match(plain(inGerman(() => deletedWords(call))), /und 1 seiner 3 Mediendateien\. .*\(2 Mediendateien\)/);
});

test('what the API refuses is said in the language of the page, as far as it is known', () => {
  const refused = 'has a NOT, and nothing can be excluded here; accepted are terms';
  assert.equal(refusalText(refused), `This ${refused}.`);
  assert.match(inGerman(() => refusalText(refused)), /^Hier steht ein NOT \(nicht\)/);
  const operator = 'has an AND without a term on both sides of it; accepted is';
  assert.match(inGerman(() => refusalText(operator)), /^Neben AND fehlt/);
  assert.match(inGerman(() => refusalText('is longer than 512 bytes')), /^Das ist länger als 512 Byte/);
  assert.match(inGerman(() => refusalText('is odd')), /auf Englisch.*„is odd“/);
});

test('whether the browser writes dates as the page does', () => {
  assert.equal(fieldsDiffer(), false); // the tests run in American English
  assert.equal(inLanguage('en', ['en-GB'], fieldsDiffer), true);
  assert.equal(inGerman(fieldsDiffer), true);
});
