// The form in which people sign in: as the first view, and over what they were doing when their
// session has ended.

import { h, icon, fill } from './dom.js';
import { session, signIn, signOnLink } from './api.js';
import { languageChoice } from './language.js';
import { sentence, t } from './texts.js';

/** The form. done is called when somebody has signed in; name is who is to, where that is known. */
export function signInForm(done, name = '') {
  const user = h('input', {
    id: 'user',
    name: 'user',
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: 'false',
    required: true,
    value: name,
  });
  const password = h('input', {
    id: 'password',
    name: 'password',
    type: 'password',
    autofocus: name !== '', // of a dialog
    autocomplete: 'current-password',
    required: true,
  });
  const problem = h('p', { class: 'problem', role: 'alert', id: 'sign-in-problem' });
  const button = h('button', { class: 'primary', type: 'submit' }, t('signIn.submit'));
  let wait;

  const submit = async (event) => {
    event.preventDefault();
    clearInterval(wait);
    button.disabled = true;
    button.textContent = t('signIn.busy');
    try {
      await signIn(user.value, password.value);
      password.value = '';
      done();
    } catch (error) {
      tell(error);
    } finally {
      button.textContent = t('signIn.submit');
      if (!wait) button.disabled = false;
    }
  };

  const tell = (error) => {
    problem.textContent =
      error.code === 20 && !error.retryAfter ? t('signIn.wrong') : ended(error.message);
    password.select();
    password.focus();
    if (error.retryAfter) countDown(error.retryAfter);
  };

  const countDown = (seconds) => {
    let left = seconds;
    wait = setInterval(() => {
      left -= 1;
      if (left > 0)
        return void (problem.textContent = t('signIn.wait', { n: left }));
      clearInterval(wait);
      wait = undefined;
      problem.textContent = t('signIn.again');
      button.disabled = false;
    }, 1000);
    problem.textContent = t('signIn.wait', { n: left });
  };

  const form = h(
    'form',
    { class: 'sign-in-form', onsubmit: submit, 'aria-describedby': 'sign-in-problem' },
    h('label', { for: 'user' }, t('signIn.user')),
    user,
    h('label', { for: 'password' }, t('signIn.password')),
    password,
    problem,
    button,
    providerButton((words) => {
      problem.textContent ||= words;
    }),
    session.demonstration &&
      demonstrationUsers((name) => {
        user.value = name;
        password.value = name;
        form.requestSubmit();
      }),
  );
  return form;
}

/** The way over the identity provider, where there is one; tell is told what is wrong with it. */
function providerButton(tell) {
  const element = h('div', { class: 'provider' });
  signOnLink()
    .then((signOn) => {
      if (!signOn) return;
      element.append(h('a', { class: 'button', href: signOn.href }, signOn.button));
      if (signOn.problem) tell(ended(signOn.problem));
    })
    .catch(() => {}); // one can sign in by a password all the same
  return element;
}

function demonstrationUsers(choose) {
  return h(
    'div',
    { class: 'demo-users' },
    h('p', {}, t('demo.signIn')),
    h(
      'div',
      { class: 'row' },
      h(
        'button',
        { type: 'button', onclick: () => choose('admin') },
        sentence('demo.admin', { name: h('b', {}, 'admin') }),
      ),
      h('button', { type: 'button', onclick: () => choose('ops') }, sentence('demo.ops', { name: h('b', {}, 'ops') })),
    ),
  );
}

/** The first view of whoever is not signed in. */
export function signInView(done) {
  return h(
    'main',
    { class: 'sign-in', id: 'main' },
    h(
      'div',
      { class: 'sign-in-card' },
      h('h1', { class: 'brand' }, h('span', { class: 'mark' }, icon('wave')), t('page.title')),
      signInForm(done),
      languageChoice(),
    ),
  );
}

const ended = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');

let open = null;

/** Asks for the password of a user again, over what is shown. again is called when somebody has signed in. */
export function askAgain(again, name) {
  if (open) return;
  const element = (open = h('dialog', { class: 'dialog narrow', 'aria-label': t('signIn.title') }));
  const gone = () => {
    element.remove();
    if (open === element) open = null;
  };
  element.addEventListener('cancel', (event) => event.preventDefault());
  element.addEventListener('close', gone); // a browser closes it all the same when Esc is pressed twice
  const done = () => {
    element.close();
    gone();
    again();
  };
  fill(
    element,
    h('header', { class: 'dialog-head' }, h('h2', {}, t('signIn.title'))),
    h(
      'div',
      { class: 'dialog-body' },
      h('p', {}, t('signIn.ended')),
      signInForm(done, name),
    ),
  );
  document.body.append(element);
  element.showModal();
}
