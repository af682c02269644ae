// The media of many calls as one ZIP. The browser fetches it by itself, as it does with any link, and
// writes it to the disk while it comes: the page holds nothing of it.

import { h, fill, icon, dialog } from './dom.js';
import { ask, base, mediaPath, send } from './api.js';
import { queryOf } from './state.js';
import { sizeText, t } from './texts.js';

/** How many calls one request is about at most. */
const most = 1000;

/** How many characters the names of calls may take in an address: what is longer, some proxies refuse. */
const room = 6000;

/** Divides ids into parts, each of which fits into an address. */
export function partsOf(ids, space = room) {
  const parts = [];
  let left = 0;
  for (const id of ids) {
    const takes = new URLSearchParams({ recording: id }).toString().length + 1;
    if (parts.length === 0 || takes > left) {
      parts.push([]);
      left = space;
    }
    parts.at(-1).push(id);
    left -= takes;
  }
  return parts;
}

/** The address of an archive of what a query asks for. */
function addressOf(query) {
  const path = mediaPath(`${base()}/media.zip`);
  return `${path}${path.includes('?') ? '&' : '?'}${query}`;
}

/** How much an archive would be, in sentences. */
export function wordsOf({ recordings, missing, files, encrypted, bytes, unsized }) {
  const places = {
    calls: t('common.calls', { n: recordings }),
    files: t('common.mediaFiles', { n: files }),
    size: sizeText(bytes),
  };
  const how = unsized === files ? 'unsized' : unsized > 0 ? 'more' : 'about';
  const words = [t(`download.${how}`, places)];
  if (encrypted > 0) words.push(t('download.encrypted', { n: encrypted }));
  if (missing > 0) words.push(t('download.missing', { n: missing }));
  return words;
}

/** Asks how much it would be, by as many requests as it takes. */
async function measure(ids) {
  const sum = { recordings: 0, missing: 0, files: 0, encrypted: 0, bytes: 0, unsized: 0 };
  for (let at = 0; at < ids.length; at += most) {
    const { archive } = await send(`${base()}/media.zip?dryRun=true`, 'POST', {
      recordings: ids.slice(at, at + most),
    });
    for (const name of Object.keys(sum)) sum[name] += archive[name];
  }
  return sum;
}

/** Shows how much the media of calls is, and offers to save it. */
export function downloadDialog(ids) {
  const parts = partsOf(ids);
  let first = 1;
  const links = parts.map((part, i) => {
    const range = { number: i + 1, first, last: first + part.length - 1 };
    first += part.length;
    return {
      address: addressOf(new URLSearchParams(part.map((id) => ['recording', id]))),
      name: parts.length === 1 ? t('download.zip') : t('download.part', range),
    };
  });
  offer(() => measure(ids), links);
}

/** The same of all calls that a search finds. An archive has no more than the API allows, which it says. */
export function downloadFound(search) {
  const query = queryOf(search);
  const measured = async () => {
    try {
      return (await ask(`${base()}/media.zip?${query}&dryRun=true`)).archive;
    } catch (error) {
      if (error.status !== 400 || !error.message.includes(`more than ${most} `)) throw error;
      throw new Error(t('download.tooMany', { n: most }));
    }
  };
  offer(measured, [{ address: addressOf(query), name: t('download.zip') }]);
}

/** Shows how much an archive is, once it is measured, and the links to it, or to its parts. */
function offer(measured, parts) {
  dialog(
    t('download.title'),
    (close) => {
      const status = h('div', { class: 'stack', role: 'status' }, h('p', {}, t('common.counting')));
      const links = h('div', { class: 'stack' });
      const onclick = () => {
        fill(status, h('p', {}, t('download.saving')));
        cancel.textContent = t('common.close');
      };
      measured().then(
        (sum) => {
          const words = wordsOf(sum);
          if (parts.length > 1) words.push(t('download.parts', { n: parts.length }));
          fill(status, words.map((sentence) => h('p', {}, sentence)));
          if (sum.recordings === 0) return;
          const link = ({ address, name }) =>
            h('a', { class: 'button', href: address, download: '', onclick }, icon('download'), name);
          fill(links, parts.map(link));
          if (document.activeElement === cancel) links.querySelector('a').focus();
        },
        (error) => fill(status, h('p', { class: 'problem' }, error.message)),
      );
      const cancel = h('button', { type: 'button', onclick: close }, t('common.cancel'));
      queueMicrotask(() => cancel.focus());
      const about = h('p', { class: 'muted' }, t('download.contents'));
      return h(
        'div',
        {},
        h('div', { class: 'stack' }, status, about, links),
        h('div', { class: 'row end' }, cancel),
      );
    },
    'narrow',
  );
}
