// The page is a client of the API like any other. It is known by the cookie of its session.

/** An error of the API, or of the way to it. */
export class APIError extends Error {
  constructor(status, code, message, retryAfter = 0) {
    super(message);
    Object.assign(this, { status, code, retryAfter });
  }
}

/** Who is signed in, set by the page. */
export const session = { user: null, contactCenter: '', contactCenters: [], demonstration: false };

let expired = () => {};

/** Says what is done when the session turns out to be over. */
export function onExpired(f) {
  expired = f;
}

export const isOps = () => session.user?.role === 'ops';

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

const marked = { 'X-Requested-With': 'recordings' };

/** Asks the API, and returns the response if it is a success. */
export async function request(path, { method = 'GET', body, signal, headers = {} } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      body,
      signal,
      headers: { ...marked, ...headers },
      credentials: 'same-origin',
      cache: 'no-store',
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new APIError(0, 0, 'The service cannot be reached. Is the network there?');
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => null);
  const error = new APIError(
    response.status,
    answer?.statusCode ?? 0,
    answer?.statusMessage ?? `The service answered with status ${response.status}.`,
    Number(response.headers.get('Retry-After')) || 0,
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
    throw new APIError(response.status, 0, 'The answer of the service broke off.');
  }
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

export async function signOut() {
  await ask('api/v2/session', { method: 'DELETE' });
  session.user = null;
}

function keep(answer) {
  session.user = answer.user ?? null;
  session.demonstration = answer.demonstration ?? false;
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
  for (const part of message.split(new RegExp(`; (?=(?:${names.join('|')}) )`))) {
    const name = names.find((n) => part.startsWith(`${n} `));
    if (name) errors[name] = part.slice(name.length + 1);
  }
  return errors;
}
