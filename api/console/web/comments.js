// The comments on a call: below its timeline as a list, and on it as markers from which one plays.
//
// Whoever sees a call reads its comments and adds some. Who may change or delete which is the API's to say;
// the page knows the same rules (api/README.md), so that it offers nothing that would be refused.

import { h, fill, announce } from './dom.js';
import { ask, base, fieldErrors, isOps, segment, send, session } from './api.js';
import { form } from './marks.js';
import { refusalText } from './refusals.js';
import { clock, moment, parseTime, span, spokenSpan } from './time.js';
import { t } from './texts.js';

/** The most characters of a comment. */
const longest = 2000;

/** How much of a comment a marker tells, in characters; the rest stands in the list. */
const told = 300;

/** How close to the end of a call, in milliseconds, there is nothing left to be played. */
const atEnd = 100;

const isMine = (comment) => comment.user === session.user.userName;

/** Reports whether a comment may be deleted by whoever is signed in, as far as that does not depend on the call. */
const mayDelete = (comment) => isMine(comment) || isOps() || !session.user.accessGroups?.length;

/** The comments in the order of what they are about: first those of the whole call. */
export const inOrder = (comments = []) =>
  comments
    .map((comment, i) => ({ comment, i }))
    .sort((a, b) => (a.comment.at ?? -1) - (b.comment.at ?? -1) || a.i - b.i)
    .map(({ comment }) => comment);

/**
 * Fills an element with the comments on a call, and its timeline with markers of them. call is what the
 * view of a recording has open: { recording, layout, player, line }, where another line may take the place
 * of the present one. The functions that are returned: draw shows what has become of the recording, place
 * puts the markers on another line, drafts is what is written and was not sent, for showing the same call anew.
 */
export function showComments(element, call, drafts = {}) {
  const { recording, player } = call;
  const path = `${base()}/recordings/${segment(recording.id)}`;
  const list = h('ol', { class: 'comment-list' });
  const nothing = h('p', { class: 'muted' }, t('comments.none'));
  const held = h('p', { class: 'hint' }, t('comments.held'));
  const trouble = h('p', { class: 'problem', role: 'alert' }); // of a form that is not there any more
  const track = h('div', { class: 'tl-track' });
  const lane = h('div', { class: 'tl-row lane', role: 'group', 'aria-label': t('comments.title') });
  fill(lane, h('div', { class: 'tl-label' }, t('comments.title')), track);
  const following = new Set(); // functions that want to know where the playhead is
  let editing = drafts.changing?.id ?? ''; // the id of the comment that is being changed

  const timeOf = (comment) => call.layout.origin + comment.at * 1000;
  const position = () => Math.max(0, player.position - call.layout.origin);

  const playFrom = (at) => {
    player.seek(at);
    if (!player.playing && at < call.layout.to - atEnd) player.play();
  };

  /** Reads the comments again, and with them whether the call is under hold. */
  const again = async () => {
    const now = (await ask(path)).recording;
    recording.comments = now.comments;
    recording.nonDelete = now.nonDelete;
    draw();
  };

  /** What went wrong, in words; what somebody else did meanwhile is shown, too. */
  const problemOf = async (error, id) => {
    if (error.status === 403 || error.status === 404) {
      try {
        await again();
      } catch (gone) {
        return gone.status === 404 ? t('call.goneAbout') : gone.message;
      }
      if (id && !recording.comments?.some((c) => c.id === id)) return t('comments.gone');
      if (id && recording.nonDelete) return t('comments.held');
    }
    const at = fieldErrors(error.message, ['text', 'at']);
    return at.text ?? at.at ? refusalText(at.text ?? at.at) : error.message;
  };

  /**
   * A form for the text and the moment of a comment; save is called with both as the API takes them. at is
   * the moment that is there already, in milliseconds behind the start, undefined where there is none yet.
   * draft is what was written before, as written returns it.
   */
  const editor = ({ id, comment, draft, words, save, cancel }) => {
    const problem = h('p', { class: 'problem', id: `${id}-problem`, role: 'alert' });
    const text = h('textarea', {
      id,
      rows: 2,
      maxlength: longest,
      dir: 'auto',
      'aria-describedby': `${id}-problem`,
    });
    text.value = draft?.text ?? comment?.text ?? '';
    let fixed = draft?.fixed ?? (comment?.at === undefined ? NaN : comment.at * 1000); // NaN: it goes with the playhead

    const radio = (value, checked) =>
      h('input', { type: 'radio', name: `${id}-about`, id: `${id}-${value}`, value, checked });
    const ofWhole = draft?.whole ?? (comment !== undefined && comment.at === undefined);
    const atMoment = radio('moment', !ofWhole);
    const whole = radio('whole', ofWhole);
    const shown = h('span', {});
    const take = h('button', {
      type: 'button',
      class: 'quiet take',
      onclick: () => {
        fixed = position();
        atMoment.checked = true;
        show();
      },
    });
    const show = () => {
      const at = Number.isNaN(fixed) ? position() : fixed;
      shown.textContent = t('comments.at', { time: span(at) });
      take.hidden = Math.abs(at - position()) < 1000;
      take.textContent = t('comments.take', { time: span(position()) });
    };
    following.add(show);
    show();

    const tell = (words_) => {
      problem.textContent = words_;
      if (words_) text.setAttribute('aria-invalid', 'true');
      else text.removeAttribute('aria-invalid');
    };
    const end = () => following.delete(show);
    const leave = () => {
      end();
      cancel();
    };

    text.addEventListener('input', () => {
      tell('');
      if (Number.isNaN(fixed) && text.value) fixed = position(); // what one writes is about now, not about later
      else if (!comment && !text.value) fixed = NaN;
      show();
    });
    const submit = h('button', { type: 'submit', class: 'primary' }, words);
    const onsubmit = async (event) => {
      event.preventDefault();
      if (!text.value.trim()) {
        tell(t('comments.empty'));
        return void text.focus();
      }

      submit.disabled = true;
      trouble.textContent = '';
      const at = (Number.isNaN(fixed) ? position() : fixed) / 1000;
      try {
        await save({ text: text.value, ...(atMoment.checked && { at }) }, end);
        if (!comment) {
          text.value = '';
          fixed = NaN;
          atMoment.checked = true;
          show();
        }
        tell('');
      } catch (error) {
        const why = await problemOf(error, comment?.id);
        if (!element.isConnected) trouble.textContent = why;
        else tell(why);
        if (element.isConnected) text.focus();
      } finally {
        submit.disabled = false;
      }
    };

    /** Esc leaves the box, and not the call with what was written; Ctrl+Enter sends it. */
    const onkeydown = (event) => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        if (cancel) leave();
        else text.blur();
      }
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        event.currentTarget.requestSubmit();
      }
    };
    const choice = (input, label) => h('label', { class: 'about', for: input.id }, input, label);
    const element = h(
      'form',
      { class: 'comment-form', onsubmit, onkeydown },
      h('label', { for: id }, t(comment ? 'comments.change_name' : 'comments.new')),
      text,
      problem,
      h(
        'div',
        { class: 'row' },
        h(
          'fieldset',
          { class: 'row abouts' },
          h('legend', { class: 'sr' }, t('comments.about')),
          choice(atMoment, shown),
          choice(whole, t('comments.whole')),
        ),
        take,
        h('span', { class: 'space' }),
        cancel && h('button', { type: 'button', onclick: leave }, t('common.cancel')),
        submit,
      ),
    );
    return { element, text, written: () => ({ text: text.value, fixed, whole: whole.checked }) };
  };

  const tool = (what, comment, onclick) => {
    const label = t(`comments.${what}_of`, { user: comment.user });
    return h('button', { type: 'button', class: 'quiet', 'aria-label': label, onclick }, t(`comments.${what}`));
  };

  const change = (comment) => {
    editing = comment.id;
    draw();
  };

  const editItem = (comment) => {
    const end = () => {
      editing = '';
      draw();
      list.querySelector(`[data-id="${CSS.escape(comment.id)}"] .tools button`)?.focus();
    };
    const save = async (body, ended) => {
      await send(`${path}/comments/${segment(comment.id)}`, 'PUT', body);
      ended();
      editing = '';
      await again();
      end();
      announce(t('comments.changed'));
    };
    const draft = drafts.changing?.id === comment.id ? drafts.changing.draft : undefined;
    return editor({ id: 'comment-change', comment, draft, words: t('comments.save'), save, cancel: end });
  };

  const drop = (comment) =>
    form(
      t('comments.drop'),
      [h('blockquote', { dir: 'auto' }, comment.text)],
      t('comments.delete'),
      async () => {
        try {
          await ask(`${path}/comments/${segment(comment.id)}`, { method: 'DELETE' });
        } catch (error) {
          throw new Error(await problemOf(error, comment.id));
        }
      },
      async () => {
        await again();
        announce(t('comments.deleted'));
        setTimeout(() => composer.text.focus()); // what had the focus is gone
      },
      'danger',
    );

  const item = (comment) => {
    const { id, at, text, user, time, changedTime } = comment;
    const when =
      at === undefined
        ? h('span', { class: 'when muted' }, t('comments.whole'))
        : h(
            'button',
            {
              type: 'button',
              class: 'quiet when',
              title: clock(timeOf(comment)),
              'aria-label': t('comments.play', { time: span(at * 1000) }),
              onclick: () => playFrom(timeOf(comment)),
            },
            span(at * 1000),
          );
    const tools = !recording.nonDelete && [
      isMine(comment) && tool('change', comment, () => change(comment)),
      mayDelete(comment) && tool('delete', comment, () => drop(comment)),
    ];
    return h(
      'li',
      { class: 'comment', 'data-id': id },
      when,
      h(
        'div',
        {},
        h('p', { class: 'comment-text', dir: 'auto' }, text),
        h(
          'p',
          { class: 'muted' },
          h('bdi', {}, user),
          ` · ${moment(parseTime(time))}`,
          changedTime && ` · ${t('comments.changedAt', { time: moment(parseTime(changedTime)) })}`,
        ),
      ),
      h('div', { class: 'row tools' }, tools),
    );
  };

  const mark = (comment) => {
    const { at, text, user } = comment;
    const what = text.length > told ? `${text.slice(0, told)}…` : text;
    const button = h('button', {
      type: 'button',
      class: 'mark-comment',
      title: `${span(at * 1000)} · ${user}: ${what}`,
      'aria-label': t('comments.mark', { time: spokenSpan(at * 1000), user, text: what }),
      onclick: () => playFrom(timeOf(comment)),
    });
    button.style.left = `${call.layout.percent(timeOf(comment))}%`;
    return button;
  };

  /** Puts the markers on the timeline that there is now. */
  const place = () => {
    const marked = inOrder(recording.comments).filter((c) => c.at !== undefined);
    fill(track, marked.map(mark));
    if (marked.length > 0) call.line.add(lane);
    else lane.remove();
  };

  let changing = null; // { id, element, written } of the form in a comment's place: what is typed there stays
  const draw = () => {
    const comments = inOrder(recording.comments);
    if (recording.nonDelete || !comments.some((c) => c.id === editing)) editing = '';
    if (changing?.id !== editing) changing = null;
    let fresh = null;
    fill(
      list,
      comments.map((comment) => {
        if (comment.id !== editing) return item(comment);
        if (!changing) {
          const { element: form_, text, written } = editItem(comment);
          fresh = text;
          changing = { id: comment.id, element: h('li', { class: 'comment' }, form_), written };
        }
        return changing.element;
      }),
    );
    fresh?.focus();
    nothing.hidden = comments.length > 0;
    held.hidden = !recording.nonDelete || comments.length === 0;
    place();
  };

  const composer = editor({
    id: 'comment-new',
    draft: drafts.composed,
    words: t('comments.add'),
    save: async (body) => {
      await send(`${path}/comments`, 'POST', body);
      await again();
      announce(t('comments.added'));
      composer.text.focus();
    },
  });
  const follow = () => following.forEach((show) => show());
  player.addEventListener('time', follow, { signal: call.ended.signal });
  player.addEventListener('change', follow, { signal: call.ended.signal });
  fill(element, h('h2', {}, t('comments.title')), nothing, list, held, trouble, composer.element);
  draw();
  drafts = {}; // they are in their forms
  return {
    draw,
    place,
    drafts: () => ({
      composed: composer.written(),
      changing: changing && { id: changing.id, draft: changing.written() },
    }),
  };
}
