/** API keys that were typed here, kept for as long as the tab is open. The server shows only their ends. */

import { labelOf } from "./api.js";

const KEYS = "ltx-mock.keys";

/** @returns {Record<string, string>} */
const kept = () => JSON.parse(sessionStorage.getItem(KEYS) ?? "{}");

/**
 * Remember a key and return how it is shown.
 *
 * @param {string} key
 */
export function remember(key) {
  const label = labelOf(key);
  sessionStorage.setItem(KEYS, JSON.stringify({ ...kept(), [label]: key }));
  return label;
}

/**
 * Return the whole key, where it is known here.
 *
 * @param {string | null} label
 * @returns {string | null}
 */
export const keyOf = (label) => (label === null ? null : (kept()[label] ?? null));
