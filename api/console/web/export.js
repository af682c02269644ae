// All matches as a file: they are streamed to the disk where the browser lets a page do so, and
// else collected by the browser.

import { h, dialog } from './dom.js';
import { request, base } from './api.js';
import { criteriaOf } from './state.js';
import { currentZone } from './time.js';
import { countAll } from './total.js';

/** Asks for the form of the file, and shows how far it is. */
export function exportDialog(search) {
  const stop = new AbortController();
  const element = dialog(
    'Export all calls found',
    (close) => {
      const bar = h('progress', { max: 1, value: 0, 'aria-label': 'Exported', hidden: true });
      const status = h(
        'p',
        { role: 'status' },
        'Every call that matches is exported, not only those in sight.',
      );
      const buttons = ['csv', 'ndjson'].map((format) =>
        h(
          'button',
          { type: 'button', onclick: () => run(format) },
          format === 'csv' ? 'CSV, for spreadsheets' : 'NDJSON, all attributes',
        ),
      );
      const run = async (format) => {
        for (const b of buttons) b.disabled = true;
        try {
          const n = await exportAll(search, format, stop.signal, (rows, total) => {
            bar.hidden = false;
            bar.max = Math.max(1, total || rows);
            bar.value = rows;
            status.textContent = total
              ? `${rows.toLocaleString()} of ${total.toLocaleString()} calls`
              : `${rows.toLocaleString()} calls`;
          });
          if (n >= 0) status.textContent = `Done: ${n.toLocaleString()} calls.`;
          cancel.textContent = 'Close';
        } catch (error) {
          if (!stop.signal.aborted)
            status.textContent = `The export broke off: ${error.message} Nothing was saved.`;
        }
        for (const b of buttons) b.disabled = false;
      };
      const cancel = h('button', { type: 'button', onclick: close }, 'Cancel');
      return h('div', {}, status, bar, h('div', { class: 'row end' }, cancel, buttons));
    },
    'narrow',
  );
  element.addEventListener('close', () => stop.abort());
}

/**
 * Exports, and returns how many calls; -1 if nobody wanted to save them. progress is told how many
 * of how many there are so far.
 */
async function exportAll(search, format, signal, progress) {
  const name = `calls-${new Date().toISOString().slice(0, 16).replace(/[:T]/g, '-')}.${format}`;
  const target = await openTarget(name);
  if (!target) return -1;
  try {
    const criteria = criteriaOf(search);
    progress(0, 0);
    const total = await countAll(search, signal).catch(() => 0);
    criteria.set('format', format);
    if (format === 'csv') criteria.set('zone', currentZone());
    const response = await request(`${base()}/export?${criteria}`, { signal });
    const reader = response.body.getReader();
    let lines = 0;
    let end = new Uint8Array();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      await target.write(value);
      lines += linesOf(value);
      end = lastOf(end, value);
      progress(Math.min(lines, total || lines), total);
    }
    const count = countOf(new TextDecoder().decode(end));
    if (count === undefined) throw new Error('its end is missing.');
    progress(count, count);
    await target.close();
    return count;
  } catch (error) {
    await target.abort();
    throw error;
  }
}

const linesOf = (bytes) => {
  let n = 0;
  for (const b of bytes) if (b === 10) n++;
  return n;
};

/** The last bytes of what has arrived so far: an export ends with how many calls it has, or is not whole. */
function lastOf(before, bytes) {
  const all = new Uint8Array(Math.min(before.length, 200) + bytes.length);
  all.set(before.slice(-200));
  all.set(bytes, all.length - bytes.length);
  return all.slice(-200);
}

function countOf(end) {
  const m = /(?:\{"statusCode":0,"count":(\d+)\}|"#count","(\d+)"[",]*)\r?\n$/.exec(end);
  return m ? Number(m[1] ?? m[2]) : undefined;
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
