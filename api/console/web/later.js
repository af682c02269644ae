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

/**
 * A view that is built when it is first shown: { element, show, hide, view }. build returns the view, and style
 * is the sheet that it needs, if it needs one. What show is given the view is shown with; view returns it, null as
 * long as it is not there.
 */
export function laterView(build, style = '') {
  const element = h('div', { hidden: true });
  let view = null;
  let wanted = null; // what it shows as soon as it is there; null: it is not looked at

  const show = async (...what) => {
    wanted = what;
    if (view) return void view.show(...what);
    try {
      const [built] = await fetched(() => Promise.all([build(), style && styled(style)]));
      if (view) return; // asked for twice, meanwhile
      view = built;
      fill(element, view.element);
      if (wanted) view.show(...wanted);
    } catch (error) {
      const again = h('button', { type: 'button', onclick: () => location.reload() }, t('page.reload'));
      fill(element, h('div', { class: 'note' }, h('p', {}, error.message), h('div', { class: 'row' }, again)));
    }
  };
  const hide = () => {
    wanted = null;
    view?.hide?.();
  };
  return { element, show, hide, view: () => view };
}
