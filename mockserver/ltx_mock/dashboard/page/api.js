/** The control plane and the API, called from the page. */

const TOKEN = "ltx-mock.token";

/** The root of the server, wherever the page came from. */
export const ROOT = new URL("..", document.baseURI).href.replace(/\/$/, "");
const ADMIN = `${ROOT}/__admin`;

/** An answer that is no success. `status` is 0 where the connection broke. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @param {string} token The admin token, kept for as long as the tab is open. */
export const keepToken = (token) => sessionStorage.setItem(TOKEN, token);

/**
 * Ask the control plane and return its answer, whatever it is.
 *
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export function ask(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  return fetch(`${ADMIN}/${path}`, { cache: "no-store", ...options, headers });
}

/**
 * Return a good answer, or throw what the server said in its place.
 *
 * @param {Response} response
 */
export async function good(response) {
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Refused(response.status, told.error ?? `HTTP ${response.status}`);
}

/**
 * Return what there is to be read at a path of the control plane.
 *
 * @param {string} path
 * @returns {Promise<any>}
 */
export const read = async (path) => (await good(await ask(path))).json();

/**
 * Change something. `tenant` picks one by its id.
 *
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {string | null} [tenant]
 * @returns {Promise<any>}
 */
export async function change(method, path, body, tenant = null) {
  const query = tenant === null ? "" : `?tenant=${encodeURIComponent(tenant)}`;
  const headers = { "Content-Type": "application/json" };
  const text = body === undefined ? undefined : JSON.stringify(body);
  return (await good(await ask(path + query, { method, headers, body: text }))).json();
}

/**
 * Submit a task as any client does, and return its id.
 *
 * @param {string} url Where tasks are submitted.
 * @param {unknown} body
 * @param {string} key
 * @param {string} scenario The name of one that happens to this request, or nothing.
 * @returns {Promise<string>}
 */
export async function submit(url, body, key, scenario) {
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${key}` };
  if (scenario) headers["X-Mock-Scenario"] = scenario;
  let response, told;
  try {
    response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    told = await response.json();
  } catch (error) {
    throw new Refused(0, String(error instanceof Error ? error.message : error));
  }
  if (!response.ok) throw new Refused(response.status, String(told.message));
  return told.data.taskId;
}
