/** What could not be done, told where everybody sees it. */

import { Refused } from "./api.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";

const SHOWN_MS = 8000;

/**
 * Do something, and tell when the server refuses it.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T | undefined>}
 */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refused) tell(error.message);
    else if (error instanceof TypeError) tell(t("trouble.gone"));
    else throw error;
  }
}

/** @param {string} text */
function tell(text) {
  const box = el("p.toast", { role: "alert" }, text);
  document.body.append(box);
  setTimeout(() => box.remove(), SHOWN_MS);
}
