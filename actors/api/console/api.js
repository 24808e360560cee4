// Calls of the HTTP interface. The session is a cookie that this code cannot read.

const PREFIX = "/api/v1";
const TIMEOUT_MS = 15_000;

/** An answer that is not a success, with the members of its problem document. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? "The engine refused the request.");
    this.status = status;
    this.code = document.code ?? "unknown";
    this.document = document;
  }
}

let onUnauthenticated = () => {};

/** Say what happens when the session has ended. */
export function whenUnauthenticated(handler) {
  onUnauthenticated = handler;
}

export const get = (path, query = {}) => request("GET", path + queryText(query));
export const post = (path, body = null, query = {}) => request("POST", path + queryText(query), body);
export const remove = (path, query = {}) => request("DELETE", path + queryText(query));

/** Read all pages of a list, at most `pages`. */
export async function getAll(path, query = {}, pages = 5) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const answer = await get(path, { ...query, limit: 500, cursor });
    items.push(...answer.items);
    cursor = answer.next_cursor;
    if (!cursor) break;
  }
  return items;
}

/** Readiness answers 503 with a body that is the answer. */
export async function readiness() {
  const answer = await send("GET", "/readyz");
  return answer.json();
}

async function request(method, path, body = null) {
  const answer = await send(method, PREFIX + path, body);
  const text = await answer.text();
  const document = text ? parse(text) : null;
  if (answer.ok) return document;
  if (answer.status === 401 && path !== "/auth/login") onUnauthenticated();
  throw new Problem(answer.status, document ?? {});
}

async function send(method, url, body = null) {
  const headers = { Accept: "application/json" };
  if (body !== null) headers["Content-Type"] = "application/json";
  // A repeat after a lost answer must not act twice.
  if (method !== "GET") headers["Idempotency-Key"] = randomKey();
  try {
    return await fetch(url, {
      method,
      headers,
      body: body === null ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new Problem(0, { code: "unreachable", detail: "The engine does not answer." });
  }
}

function queryText(query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
