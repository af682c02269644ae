// What is said about an address that asks for something that is not known, or not valid.

import { h } from './dom.js';

/** The longest text of an address that is repeated. */
const longest = 60;

const cut = (text) => (text.length > longest ? `${text.slice(0, longest)}…` : text);

/** A problem of an address as a sentence: "startTime=yesterday is no date…". */
export function problemText({ name, value, why }) {
  const said = name === '#' ? `#${cut(value)}` : value ? `${cut(name)}=${cut(value)}` : cut(name);
  return `\u2068${said}\u2069 ${why}.`;
}

/** The problems as a list, for the place of results. */
export const problemList = (problems) =>
  h('div', {}, [
    h('p', {}, 'It asks for something that this page does not know, so nothing has been searched for:'),
    h(
      'ul',
      { class: 'problems' },
      problems.map((p) => h('li', {}, problemText(p))),
    ),
  ]);

/** The problems as one text, beside a view that they do not change. */
export const toldProblems = (problems) =>
  h('p', {}, `This link is not quite understood: ${problems.map(problemText).join(' ')}`);
