// Deleting many calls: what would go is told first, and the number has to be typed. Then it goes on in
// the background, also when nobody looks.

import { h, fill, dialog } from './dom.js';
import { base, send, session } from './api.js';
import { labelOf } from './criteria.js';
import { facts } from './details.js';
import { beganText, jobList, phaseText } from './jobs.js';
import { criteriaOf } from './state.js';
import { moment, parseTime } from './time.js';
import { sentence, t } from './texts.js';

/** Criteria as names and values that people read. */
export const criteriaFacts = (criteria) => {
  const all = Object.entries(criteria ?? {}).filter(([name, value]) => name !== 'startTime' || value !== '0');
  if (all.length === 0) return h('p', {}, t('deletions.everyCall'));
  return facts(all.map(([name, value]) => [labelOf(name), value]));
};

/** The card of deletions. search returns the criteria that stand under Calls. */
export function deletionsCard(search) {
  const path = () => `${base()}/deletions`;
  const jobs = jobList({
    kind: 'deletion',
    path,
    all: (answer) => answer.deletions,
    nothing: t('deletions.nothing'),
    words: (d) => phaseText('deletionPhase', d.phase),
    part: (d) => [d.done, d.matched],
    numbers: numbersOf,
    more: (d) => h('details', {}, h('summary', { class: 'muted' }, t('deletions.criteria')), criteriaFacts(d.criteria)),
  });

  const begin = () => beginDialog(Object.fromEntries(criteriaOf(search())), path(), jobs.look);
  return {
    element: h(
      'section',
      { class: 'card', 'aria-label': t('deletions.title') },
      h(
        'div',
        { class: 'card-head' },
        h(
          'div',
          {},
          h('h2', {}, t('deletions.title')),
          h('p', { class: 'muted' }, t('deletions.about')),
        ),
        h('button', { type: 'button', onclick: begin }, t('deletions.button')),
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
    beganText(d),
    d.subresources ? t('deletions.withMedia') : t('deletions.metadataOnly'),
    t('deletions.progress', { done: d.done, n: d.matched }),
    t('deletions.deleted', { n: d.deleted }),
  ];
  if (d.held > 0) parts.push(t('deletions.held', { n: d.held }));
  if (d.changed > 0) parts.push(t('deletions.changed', { n: d.changed }));
  if (d.failed > 0) parts.push(t('deletions.failed', { n: d.failed }));
  if (d.mediaLeftBehind > 0) parts.push(t('deletions.leftBehind', { n: d.mediaLeftBehind }));
  return parts;
}

/** Asks what is to go, tells how much that is, and begins when the number was typed. */
function beginDialog(criteria, path, begun) {
  dialog(t('deletions.dialog'), (close) => {
    const body = h('div');
    first();
    return body;

    function first(words = '') {
      const problem = h('p', { class: 'problem', role: 'alert' }, words);
      const media = h('input', { type: 'checkbox', id: 'many-media' });
      const button = h('button', { class: 'primary', type: 'submit' }, t('deletions.see'));
      const onsubmit = async (event) => {
        event.preventDefault();
        problem.textContent = '';
        button.disabled = true;
        button.textContent = t('common.counting');
        try {
          const { dryRun } = await send(path, 'POST', { criteria, subresources: media.checked, dryRun: true });
          confirm(dryRun, media.checked);
        } catch (error) {
          problem.textContent = error.message;
          button.disabled = false;
          button.textContent = t('deletions.see');
        }
      };
      fill(
        body,
        h(
          'form',
          { onsubmit },
          h('p', {}, sentence('deletions.which', { center: h('bdi', {}, session.contactCenter) })),
          h('div', { class: 'call-name criteria' }, criteriaFacts(criteria)),
          h('label', { class: 'whole many-media', for: 'many-media' }, media, t('deletions.mediaToo')),
          h('p', { class: 'muted' }, t('deletions.nothingYet')),
          problem,
          h('div', { class: 'row end' }, h('button', { type: 'button', onclick: close }, t('deletions.keep')), button),
        ),
      );
    }

    function confirm(preview, media) {
      const { matched, held, oldest, newest, samples = [] } = preview;
      const problem = h('p', { class: 'problem', role: 'alert' });
      const words = t('deletions.submit', { n: matched });
      const button = h('button', { class: 'danger', type: 'submit', disabled: true }, words);
      const found = { n: matched, count: h('b', {}, t('common.calls', { n: matched })) };
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
          h('p', { class: 'total', role: 'status' }, sentence('deletions.match', found)),
          matched > 0 && [
            facts([
              [t('deletions.underHold'), held > 0 ? t('deletions.heldStay', { n: held }) : t('deletions.noneHeld')],
              [t('deletions.oldest'), oldest && moment(parseTime(oldest))],
              [t('deletions.newest'), newest && moment(parseTime(newest))],
              [t('deletions.media'), media ? t('deletions.mediaGo') : t('deletions.mediaStay')],
            ]),
            h('h3', {}, samples.length < matched ? t('deletions.some') : t('deletions.all')),
            h(
              'ul',
              { class: 'samples', tabindex: 0, 'aria-label': t('deletions.samples') },
              samples.map((s) =>
                h(
                  'li',
                  {},
                  h('span', {}, moment(parseTime(s.startTime))),
                  h('bdi', { class: 'muted' }, s.id),
                  s.held && h('b', {}, t('deletions.isHeld')),
                ),
              ),
            ),
            h('label', { for: 'many-number' }, t('deletions.type', { number: String(matched) })),
            number,
          ],
          problem,
          h(
            'div',
            { class: 'row end' },
            h('button', { type: 'button', onclick: close }, matched > 0 ? t('deletions.keep') : t('common.close')),
            matched > 0 && button,
          ),
        ),
      );
      (matched > 0 ? number : body.querySelector('button')).focus();
    }
  });
}
