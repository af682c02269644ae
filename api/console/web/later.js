// Parts of the page that are fetched when they are first wanted: most people never delete, and the
// first view is to be there at once.

import { h, fill } from './dom.js';
import { t } from './texts.js';

/** Loads a module; an error says in words that it did not come. The browser keeps what came. */
export async function fetched(load) {
  try {
    return await load();
  } catch {
    throw new Error(t('page.partMissing'));
  }
}

/** Has the browser apply a style sheet of the page, once. */
export function styled(name) {
  const href = new URL(name, import.meta.url).href;
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return undefined;
  return new Promise((resolve, reject) => {
    const link = h('link', { rel: 'stylesheet', href, onload: resolve, onerror: reject });
    document.head.append(link);
  });
}

/** A view that is built when it is first shown: { element, show, hide }. build returns the view. */
export function laterView(build) {
  const element = h('div', { hidden: true });
  let view = null;
  let seen = false;

  const show = async () => {
    seen = true;
    if (view) return void view.show();
    try {
      const [built] = await fetched(() => Promise.all([build(), styled('later.css')]));
      if (view) return; // asked for twice, meanwhile
      view = built;
      fill(element, view.element);
      if (seen) view.show();
    } catch (error) {
      const again = h('button', { type: 'button', onclick: () => location.reload() }, t('page.reload'));
      fill(element, h('div', { class: 'note' }, h('p', {}, error.message), h('div', { class: 'row' }, again)));
    }
  };
  const hide = () => {
    seen = false;
    view?.hide?.();
  };
  return { element, show, hide };
}
