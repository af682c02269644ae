// The page is a client of the API like any other. It is known by the cookie of its session.

import { t } from './texts.js';

/** An error of the API, or of the way to it. */
export class APIError extends Error {
  constructor(status, code, message, retryAfter = 0, request = '') {
    // What the service is to blame for, somebody has to look up in its log.
    const named = status >= 500 && request && !message.includes(request);
    super(named ? t('api.request', { message, request }) : message);
    Object.assign(this, { status, code, retryAfter });
  }
}

/** Who is signed in, set by the page. */
export const session = { user: null, contactCenter: '', contactCenters: [], demonstration: false };

/** What each role may do on this page; who may do something else does it through the API. */
const rights = {
  ops: ['calls', 'delete', 'operations', 'audit'],
  admin: ['calls', 'audit'],
  auditor: ['audit'],
};

/** Reports whether whoever is signed in may do something; what they may not is not shown. */
export function may(what) {
  if (what === 'service') return isOps() && !isBound();
  return rights[session.user?.role]?.includes(what) ?? false;
}

let expired = () => {};

/** Says what is done when the session turns out to be over. */
export function onExpired(f) {
  expired = f;
}

export const isOps = () => session.user?.role === 'ops';

/** Reports whether whoever is signed in has some contact centers only. */
export const isBound = () =>
  Boolean(session.user?.contactCenter || session.user?.contactCenters?.length || !isOps());

/** Reports whether there are several contact centers to choose from. */
export const hasChoice = () => !isBound() || session.contactCenters.length > 1;

/** Reports whether requests have to say which contact center of an administrator they are about. */
const names = () => !isOps() && session.contactCenters.length > 1;

/** A path segment of any text. */
export const segment = (text) => encodeURIComponent(text);

/** The path below which the recordings of the contact center lie. */
export function base() {
  return isOps() ? `api/v2/ops/contact-centers/${segment(session.contactCenter)}` : 'api/v2';
}

/** The path of a URI of an answer, on the address at which this page was opened. */
export function localPath(uri) {
  const at = uri.indexOf('/api/v2/');
  return at < 0 ? uri : uri.slice(at + 1);
}

/** The path of a media file, which browsers fetch without the header that names the contact center. */
export function mediaPath(uri, more = {}) {
  const query = new URLSearchParams({ ...more, ...(names() && { contactCenterId: session.contactCenter }) });
  return localPath(uri) + (query.size > 0 ? `?${query}` : '');
}

const marked = { 'X-Requested-With': 'recordings' };

/** The header that names the contact center, in UTF-8: headers are bytes, which browsers take as Latin-1. */
function centerHeader(path) {
  if (!names() || !session.contactCenter || path.includes('contactCenterId=')) return {};
  const bytes = new TextEncoder().encode(session.contactCenter);
  return { ContactCenterId: String.fromCharCode(...bytes) };
}

let service = { at: NaN, on: 0 }; // a time of the service's clock, and of the page's when it was told

/** The time by the clock of the service, in milliseconds since 1970: a little less than that, never more. */
export const serverNow = () => service.at + performance.now() - service.on;

/** Takes note of the time that a response tells, which is to the second; so the latest estimate is the best. */
function noteTime(response) {
  const at = Date.parse(response.headers.get('Date'));
  const known = serverNow();
  if (Number.isFinite(at) && !(known > at && known < at + 2000)) service = { at, on: performance.now() };
}

/** Asks the API, and returns the response if it is a success. */
export async function request(path, { method = 'GET', body, signal, headers = {} } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      body,
      signal,
      headers: { ...marked, ...centerHeader(path), ...headers },
      credentials: 'same-origin',
      cache: 'no-store',
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new APIError(0, 0, t('api.unreachable'));
  }
  noteTime(response);
  if (response.ok) return response;
  const answer = await response.json().catch(() => null);
  const error = new APIError(
    response.status,
    answer?.statusCode ?? 0,
    answer?.statusMessage ?? t('api.status', { status: String(response.status) }),
    Number(response.headers.get('Retry-After')) || 0,
    response.headers.get('X-Request-Id') ?? '',
  );
  if (response.status === 401 && path !== 'api/v2/session') expired();
  throw error;
}

/** Asks the API for JSON. */
export async function ask(path, options) {
  const response = await request(path, options);
  try {
    return await response.json();
  } catch (error) {
    if (options?.signal?.aborted) throw error;
    throw new APIError(response.status, 0, t('api.brokeOff'));
  }
}

/** Asks the API for lines of JSON; the last of them says that they are all there. */
export async function askLines(path, options) {
  const text = await (await request(path, options)).text();
  try {
    const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line));
    if ('count' in lines.at(-1)) return lines.slice(0, -1);
  } catch {
    /* it broke off within a line */
  }
  throw new APIError(200, 0, t('api.brokeOff'));
}

/** Sends JSON to the API, and asks for what it answers. */
export const send = (path, method, body, options = {}) =>
  ask(path, { ...options, method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });

/** The path of the audit log of the contact center. */
export const auditPath = (query) =>
  isOps()
    ? `api/v2/ops/audit?${new URLSearchParams({ contactCenter: session.contactCenter, ...query })}`
    : `api/v2/audit?${new URLSearchParams(query)}`;

/** Where the identity provider signs people in, for what the address names; null: there is none. */
export async function signOnLink() {
  const signOn = session.user ? (await ask('api/v2/session')).signOn : session.signOn;
  if (!signOn) return null;
  const back = new URLSearchParams({ return: `/${location.search}${location.hash}` });
  return { ...signOn, href: `${signOn.path.slice(1)}?${back}` };
}

/** Asks who is signed in. */
export async function readSession() {
  keep(await ask('api/v2/session'));
}

/** Signs in; an error says why not. */
export async function signIn(user, password) {
  keep(
    await ask('api/v2/session', {
      method: 'POST',
      body: JSON.stringify({ user, password }),
      headers: { 'Content-Type': 'application/json' },
    }),
  );
}

/** Ends the session, and returns where one goes then: the identity provider may end its session, too. */
export async function signOut() {
  const { signOutUri } = await ask('api/v2/session', { method: 'DELETE' });
  session.user = null;
  return signOutUri ?? './';
}

/** Ends all sessions of whoever is signed in, on all devices. */
export async function signOutEverywhere() {
  const { signOutUri } = await ask('api/v2/sessions', { method: 'DELETE' });
  await signOut(); // so that the browser forgets its cookie
  return signOutUri ?? './';
}

function keep(answer) {
  session.user = answer.user ?? null;
  session.demonstration = answer.demonstration ?? false;
  session.signOn = answer.signOn ?? null; // the identity provider, for who is not signed in
  session.contactCenters = answer.contactCenters ?? [];
  session.version = answer.version ?? '';
  if (session.user?.contactCenter) session.contactCenter = session.user.contactCenter;
}

/**
 * What is wrong with which criterion, from the message of a refused search: "userName is …;
 * startTime is …".
 */
export function fieldErrors(message, names) {
  const errors = {};
  const any = names.map((name) => name.replace(/[^\w]/g, '\\$&')).join('|');
  for (const part of message.split(new RegExp(`; (?=(?:${any}) )`))) {
    const name = names.find((n) => part.startsWith(`${n} `));
    if (name) errors[name] = part.slice(name.length + 1);
  }
  return errors;
}
