// Deleting many calls: what would go is told first, and the number has to be typed. Then it goes on in
// the background, also when nobody looks.

import { h, fill, dialog } from './dom.js';
import { base, send, session } from './api.js';
import { labelOf } from './criteria.js';
import { facts } from './details.js';
import { count, jobList } from './jobs.js';
import { criteriaOf } from './state.js';
import { moment, parseTime } from './time.js';

const words = {
  waiting: 'Waiting for its turn.',
  unconfirmed: 'It waits until somebody confirms it: it would delete more than its policy may at once.',
  paused: 'Paused.',
  collecting: 'Writing down what matches.',
  deleting: 'Deleting.',
  done: 'Done.',
  failed: 'Failed.',
  cancelled: 'Cancelled.',
};

const calls = (n) => count(n, 'call', 'calls');

/** Criteria as names and values that people read. */
export const criteriaFacts = (criteria) => {
  const all = Object.entries(criteria ?? {}).filter(([name, value]) => name !== 'startTime' || value !== '0');
  if (all.length === 0) return h('p', {}, 'Every call of the contact center.');
  return facts(all.map(([name, value]) => [labelOf(name), value]));
};

/** The card of deletions. search returns the criteria that stand under Calls. */
export function deletionsCard(search) {
  const path = () => `${base()}/deletions`;
  const jobs = jobList({
    name: 'Deletion',
    path,
    all: (answer) => answer.deletions,
    nothing: 'Nothing was deleted in this way yet.',
    words: (d) => words[d.phase] ?? d.phase,
    part: (d) => [d.done, d.matched],
    numbers: numbersOf,
    more: (d) => h('details', {}, h('summary', { class: 'muted' }, 'Criteria'), criteriaFacts(d.criteria)),
  });

  const begin = () => beginDialog(Object.fromEntries(criteriaOf(search())), path(), jobs.look);
  return {
    element: h(
      'section',
      { class: 'card', 'aria-label': 'Deletions' },
      h(
        'div',
        { class: 'card-head' },
        h(
          'div',
          {},
          h('h2', {}, 'Deletions'),
          h('p', { class: 'muted' }, 'Of many calls at once, and what became of each. What is under hold stays.'),
        ),
        h('button', { type: 'button', onclick: begin }, 'Delete many calls…'),
      ),
      jobs.parts,
    ),
    show: jobs.show,
    hide: jobs.hide,
  };
}

/** How far a deletion is; at the end these add up to what matched. */
function numbersOf(d) {
  const parts = [
    `by ${d.cause}, ${moment(parseTime(d.created))}`,
    d.subresources ? 'with media' : 'metadata only',
    `${d.done.toLocaleString()} of ${calls(d.matched)}`,
    `${d.deleted.toLocaleString()} deleted`,
  ];
  if (d.held > 0) parts.push(`${d.held.toLocaleString()} under hold`);
  if (d.changed > 0) parts.push(`${d.changed.toLocaleString()} changed meanwhile`);
  if (d.failed > 0) parts.push(`${d.failed.toLocaleString()} failed`);
  if (d.mediaLeftBehind > 0)
    parts.push(count(d.mediaLeftBehind, 'media file left behind', 'media files left behind'));
  return parts;
}

/** Asks what is to go, tells how much that is, and begins when the number was typed. */
function beginDialog(criteria, path, begun) {
  dialog('Delete many calls', (close) => {
    const body = h('div');
    first();
    return body;

    function first(words = '') {
      const problem = h('p', { class: 'problem', role: 'alert' }, words);
      const media = h('input', { type: 'checkbox', id: 'many-media' });
      const button = h('button', { class: 'primary', type: 'submit' }, 'See what would go');
      const onsubmit = async (event) => {
        event.preventDefault();
        problem.textContent = '';
        button.disabled = true;
        button.textContent = 'Counting…';
        try {
          const { dryRun } = await send(path, 'POST', { criteria, subresources: media.checked, dryRun: true });
          confirm(dryRun, media.checked);
        } catch (error) {
          problem.textContent = error.message;
          button.disabled = false;
          button.textContent = 'See what would go';
        }
      };
      fill(
        body,
        h(
          'form',
          { onsubmit },
          h('p', {}, 'All calls that the criteria under Calls find, in ', h('bdi', {}, session.contactCenter), ':'),
          h('div', { class: 'call-name criteria' }, criteriaFacts(criteria)),
          h('label', { class: 'whole many-media', for: 'many-media' }, media, 'Their media, too'),
          h('p', { class: 'muted' }, 'Nothing is deleted yet: first you see how much it would be.'),
          problem,
          h('div', { class: 'row end' }, h('button', { type: 'button', onclick: close }, 'Keep them'), button),
        ),
      );
    }

    function confirm(preview, media) {
      const { matched, held, oldest, newest, samples = [] } = preview;
      const problem = h('p', { class: 'problem', role: 'alert' });
      const button = h('button', { class: 'danger', type: 'submit', disabled: true }, `Delete ${calls(matched)}`);
      const typed = () => Number(number.value.replace(/[\s.,'’]/g, '') || NaN);
      const number = h('input', {
        id: 'many-number',
        inputmode: 'numeric',
        autocomplete: 'off',
        oninput: () => {
          button.disabled = typed() !== matched;
        },
      });
      const onsubmit = async (event) => {
        event.preventDefault();
        problem.textContent = '';
        button.disabled = true;
        try {
          await send(path, 'POST', { criteria, subresources: media, expected: typed() });
          close();
          begun();
        } catch (error) {
          if (error.status === 409) return void first(error.message);
          problem.textContent = error.message;
          button.disabled = false;
        }
      };
      fill(
        body,
        h(
          'form',
          { onsubmit },
          h('p', { class: 'total', role: 'status' }, h('b', {}, calls(matched)), ' match.'),
          matched > 0 && [
            facts([
              ['Under hold', held > 0 ? `${held.toLocaleString()}, which stay` : 'none'],
              ['Oldest', oldest && moment(parseTime(oldest))],
              ['Newest', newest && moment(parseTime(newest))],
              ['Media', media ? 'are deleted, too' : 'stay in storage'],
            ]),
            h('h3', {}, samples.length < matched ? 'Some of them' : 'These are they'),
            h(
              'ul',
              { class: 'samples', tabindex: 0, 'aria-label': 'Samples' },
              samples.map((s) =>
                h(
                  'li',
                  {},
                  h('span', {}, moment(parseTime(s.startTime))),
                  h('bdi', { class: 'muted' }, s.id),
                  s.held && h('b', {}, 'under hold'),
                ),
              ),
            ),
            h('label', { for: 'many-number' }, `Type ${matched} to delete them`),
            number,
          ],
          problem,
          h(
            'div',
            { class: 'row end' },
            h('button', { type: 'button', onclick: close }, matched > 0 ? 'Keep them' : 'Close'),
            matched > 0 && button,
          ),
        ),
      );
      (matched > 0 ? number : body.querySelector('button')).focus();
    }
  });
}
