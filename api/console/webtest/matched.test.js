import test from 'node:test';
import assert from 'node:assert/strict';

import { exactly } from '../web/boxes.js';
import { fromMatch, matchesOf, wantedOf } from '../web/matched.js';
import { emptySearch } from '../web/state.js';
import { summary } from '../web/summary.js';

const wanted = (criteria) => wantedOf({ ...emptySearch(), criteria });

/** A text with what is found in [brackets]. */
function shown(text, pieces) {
  let at = 0;
  let all = '';
  for (const [from, to] of matchesOf(text, pieces)) {
    all += `${text.slice(at, from)}[${text.slice(from, to)}]`;
    at = to;
  }
  return all + text.slice(at);
}

test('what the API compares is marked, and nothing else', () => {
  for (const [name, value, text, marks] of [
    ['callerPhoneNumber', '*4668*', '+16504668123', '+1650[4668]123'],
    ['callerPhoneNumber', '+1650*123', '+16504668123', '[+1650]4668[123]'],
    ['callerPhoneNumber', '+16504668123', '+16504668123', '[+16504668123]'],
    ['callerPhoneNumber', '*\\*97*', '9*97', '9[*97]'],
    ['userName', 'ali*', 'Natalie Alice', 'Natalie [Ali]ce'],
    ['userName', 'muller AND zoe', 'Zoë Müller', '[Zoë] [Müller]'],
    ['userName', '"Ana María"', 'ANA MARIA Gómez', '[ANA MARIA] Gómez'],
    ['userName', 'ann', 'Anna, Ann', 'Anna, [Ann]'],
    ['userName', '*ann*', 'Joanna', 'Jo[ann]a'],
    ['userName', 'a* OR am*', 'Amber', '[Am]ber'],
    ['userName', 'straße', 'Lange STRASSE', 'Lange STRASSE'],
    ['userName', 'café', 'cafe\u0301 bar', '[cafe\u0301] bar'],
    ['userName', '*', 'Anna', 'Anna'],
    ['userData', 'case-10*', 'CASE-1042', '[CASE-10]42'],
    ['userDataKey.Queue', '"a \\"b\\" c"', 'x a "b" c', 'x [a "b" c]'],
    ['comment', '"*asks for*"', 'She asks for a refund', 'She [asks for] a refund'],
    ['userData', 'x\u{1f600}*', 'a x\u{1f600}b', 'a [x\u{1f600}]b'],
  ]) {
    const of = wanted({ [name]: value });
    const column = { callerPhoneNumber: 'caller', userName: 'agents', comment: 'comments' }[name] ?? 'data';
    assert.equal(shown(text, of[column]), marks, `${name}=${value}`);
  }
});

test('a number that may be anybody’s is marked on both sides', () => {
  const of = wanted({ phoneNumber: '*12*' });
  assert.equal(shown('+12', of.caller) + shown('012', of.dialed), '+[12]0[12]');
  assert.deepEqual(of.agents, []);
});

test('a long text begins near what was found in it', () => {
  const [piece] = wanted({ userData: 'needle*' }).data;
  const long = `${'hay '.repeat(50)}in a needle case`;
  assert.equal(fromMatch(long, [piece]), '…needle case');
  assert.equal(fromMatch('a needle', [piece]), 'a needle');
  assert.equal(fromMatch(long, []), long);
});

test('a row begins with why it was found', () => {
  const agent = (firstName) => ({ event: 'Joined', contact: { type: 'User', firstName, phoneNumber: '1' } });
  const call = {
    id: 'a',
    callerPhoneNumber: '1',
    dialedPhoneNumber: '2',
    eventHistory: [agent('Ann'), agent('Bo'), { event: 'data', data: { a: 'first', b: 'second' } }],
    comments: [{ text: 'nothing' }, { text: 'a refund' }],
  };
  const row = summary(call, wanted({ userName: 'bo', userData: 'sec*', comment: 'refund' }));
  assert.equal(row.agents, 'Bo, Ann');
  assert.equal(row.data, 'a refund · second · first');
  assert.equal(row.comments, 2);
  const plain = summary(call);
  assert.deepEqual([plain.agents, plain.data], ['Ann, Bo', 'first · second']);
  const long = summary({ ...call, eventHistory: [{ event: 'data', data: { a: 'x'.repeat(3000) } }] });
  assert.deepEqual([long.data.length, long.whole.data.length], [201, 1000]);
});

test('a value of a call makes a criterion that finds just this value', () => {
  for (const [name, value, criterion] of [
    ['callerPhoneNumber', '+16505550101', '+16505550101'],
    ['callerPhoneNumber', '*97', '\\*97'],
    ['userName', 'Ann "Bo" AND', '"Ann \\"Bo\\" AND"'],
    ['userDataKey.My Key', 'a*b\\c', '"a\\*b\\\\c"'],
    ['userDataKey.k', ' two\nlines ', '"two lines"'],
    ['userDataKey.k', ' ', ''],
    ['userDataKey.k', 'x'.repeat(1000), ''],
  ])
    assert.equal(exactly(name, value), criterion);
});
