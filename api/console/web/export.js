// All matches as a file: they are streamed to the disk where the browser lets a page do so, and
// else collected by the browser.

import { h, dialog } from './dom.js';
import { request, base } from './api.js';
import { downloadFound } from './download.js';
import { endOf, forms, lastOf, linesOf, progressText } from './exported.js';
import { queryOf } from './state.js';
import { currentZone } from './time.js';
import { countAll } from './total.js';
import { t } from './texts.js';

/** Asks for the form of the file, and shows how far it is. */
export function exportDialog(search) {
  const stop = new AbortController();
  const element = dialog(
    t('export.title'),
    (close) => {
      const bar = h('progress', { max: 1, value: 0, 'aria-label': t('export.progress'), hidden: true });
      const status = h('p', { role: 'status' }, t('export.about'));
      const button = (format, onclick) =>
        h(
          'button',
          { type: 'button', class: 'form', onclick },
          h('b', {}, t(`export.${format}`)),
          h('span', { class: 'muted' }, t(`export.${format}_about`)),
        );
      const buttons = forms.map((form) => button(form.format, () => run(form)));
      const media = button('zip', () => {
        close();
        downloadFound(search);
      });
      buttons.push(media);
      const run = async (form) => {
        for (const b of buttons) b.disabled = true;
        try {
          const n = await exportAll(search, form, stop.signal, (far) => {
            bar.hidden = false;
            bar.max = Math.max(1, far.total || far.rows);
            bar.value = far.rows;
            if (form.unit === 'bytes' && !far.done) bar.removeAttribute('value'); // nobody knows how far it is
            status.textContent = progressText(form, far);
          });
          if (n !== null) status.textContent = Number.isNaN(n) ? t('export.done') : t('export.doneCalls', { n });
          cancel.textContent = t('common.close');
        } catch (error) {
          bar.hidden = true;
          if (!stop.signal.aborted)
            status.textContent = t('export.brokeOff', { why: error.message });
        }
        for (const b of buttons) b.disabled = false;
      };
      const cancel = h('button', { type: 'button', onclick: close }, t('common.cancel'));
      return h(
        'div',
        {},
        status,
        bar,
        h('div', { class: 'forms' }, buttons),
        h('div', { class: 'row end' }, cancel),
      );
    },
    'narrow',
  );
  element.addEventListener('close', () => stop.abort());
  element.querySelector('.form').focus();
}

/**
 * Exports, and returns how many calls, NaN if nobody knows; null if nobody wanted to save them.
 * progress is told how far it is: { rows, bytes, total, done }.
 */
async function exportAll(search, form, signal, progress) {
  const name = `calls-${new Date().toISOString().slice(0, 16).replace(/[:T]/g, '-')}.${form.format}`;
  const target = await openTarget(name);
  if (!target) return null;
  try {
    const query = queryOf(search);
    progress({ rows: 0, bytes: 0, total: 0 });
    const total = await countAll(search, signal).catch(() => 0);
    query.set('format', form.format);
    if (form.table) query.set('zone', currentZone());
    const response = await request(`${base()}/export?${query}`, { signal });
    const reader = response.body.getReader();
    let [lines, size] = [0, 0];
    let end = new Uint8Array();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      await target.write(value);
      lines += linesOf(value);
      size += value.length;
      end = lastOf(end, value);
      progress({ rows: Math.min(lines, total || lines), bytes: size, total });
    }

    const { whole, count } = endOf(form.format, end);
    if (!whole) throw new Error(t('export.endMissing'));
    const rows = Number.isNaN(count) ? total || NaN : count;
    progress({ rows: rows || 1, bytes: size, total: rows || 0, done: true });
    await target.close();
    return rows;
  } catch (error) {
    await target.abort();
    throw error;
  }
}

/** Where the file goes: { write, close, abort }; null if nobody wants it any more. */
async function openTarget(name) {
  if (window.showSaveFilePicker) {
    try {
      return await (await window.showSaveFilePicker({ suggestedName: name })).createWritable();
    } catch (error) {
      if (error.name === 'AbortError') return null;
    }
  }
  const parts = [];
  return {
    write: async (bytes) => {
      parts.push(bytes);
    },
    abort: async () => {
      parts.length = 0;
    },
    close: async () => {
      const url = URL.createObjectURL(new Blob(parts));
      h('a', { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60e3);
    },
  };
}
