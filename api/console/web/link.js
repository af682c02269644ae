// What is said about an address that asks for something that is not known, or not valid.

import { h } from './dom.js';
import { t } from './texts.js';

/** The longest text of an address that is repeated. */
const longest = 60;

const cut = (text) => (text.length > longest ? `${text.slice(0, longest)}…` : text);

/** A problem of an address as a sentence: "startTime=yesterday is no date…". */
export function problemText({ name, value, why, places }) {
  const what = name === '#' ? `#${cut(value)}` : value ? `${cut(name)}=${cut(value)}` : cut(name);
  return t(`linkProblem.${why}`, { what, ...places });
}

/** The problems as a list, for the place of results. */
export const problemList = (problems) =>
  h('div', {}, [
    h('p', {}, t('link.about')),
    h(
      'ul',
      { class: 'problems' },
      problems.map((p) => h('li', {}, problemText(p))),
    ),
  ]);

/** The problems as one text, beside a view that they do not change. */
export const toldProblems = (problems) =>
  h('p', {}, t('link.told', { problems: problems.map(problemText).join(' ') }));
