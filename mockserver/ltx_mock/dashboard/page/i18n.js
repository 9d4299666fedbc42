/** The language of the page. All its texts are in `texts.js`. */

import { TEXTS } from "./texts.js";

/** @typedef {keyof typeof TEXTS} Language */

/** @type {Set<() => void>} */
const listeners = new Set();

/** @type {Language} */
let current = document.documentElement.lang === "zh" ? "zh" : "en";

/** Return the locale for numbers and times. */
export const locale = () => (current === "zh" ? "zh-CN" : "en-GB");

/** @returns {Language} */
export const language = () => current;

/**
 * Change the language, and remember it.
 *
 * @param {Language} chosen
 */
export function speak(chosen) {
  current = chosen;
  localStorage.setItem("ltx-mock.language", chosen);
  for (const listener of listeners) listener();
}

/** @param {() => void} listener Called after each change of language. */
export const onLanguage = (listener) => listeners.add(listener);

/**
 * Return a text in the language of the page.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values] What stands in place of `{name}`. If `n` is 1, the text of `{key}.one`
 *   is taken, where there is one.
 * @returns {string}
 */
export function t(key, values = {}) {
  const texts = /** @type {Record<string, string>} */ (TEXTS[current]);
  const text = (values.n === 1 ? texts[`${key}.one`] : undefined) ?? texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole));
}

/** @param {unknown} value A recorded body, which the fake replays, may lack a field. */
const shown = (value) => (typeof value === "number" ? value.toLocaleString(locale()) : String(value ?? "?"));

/**
 * Return a text, or what the server says where there is none, as for a state or scenario that is newer than this page.
 *
 * @param {string} key
 * @param {string} otherwise
 */
export const tOr = (key, otherwise) => (Object.hasOwn(TEXTS[current], key) ? t(key) : otherwise);

/**
 * Write the texts into the elements that name them: `data-text` for the content, `data-label` for what is read out,
 * `data-hint` for a field's placeholder, `data-tip` for a title.
 *
 * @param {ParentNode} root
 */
export function fill(root) {
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
  /** @type {[string, (node: HTMLElement, text: string) => void][]} */
  const places = [
    ["text", (node, text) => (node.textContent = text)],
    ["label", (node, text) => node.setAttribute("aria-label", text)],
    ["hint", (node, text) => node.setAttribute("placeholder", text)],
    ["tip", (node, text) => node.setAttribute("title", text)],
  ];
  for (const [name, put] of places) {
    for (const node of root.querySelectorAll(`[data-${name}]`)) {
      const each = /** @type {HTMLElement} */ (node);
      put(each, t(each.dataset[name] ?? ""));
    }
  }
}
