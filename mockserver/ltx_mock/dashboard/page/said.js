/** What the server says, in the language of the page as far as it is known, in English else. */

import { el } from "./dom.js";
import { language } from "./i18n.js";
import { causeInChinese, findingInChinese } from "./phrases.js";

/**
 * Return a cause, a reason or an error as text.
 *
 * @param {string | null | undefined} text
 * @returns {string}
 */
export const said = (text) => (text && language() === "zh" ? causeInChinese(text) : null) ?? text ?? "";

/**
 * Return it as an element that tells its language.
 *
 * @param {string | null | undefined} text
 * @param {string} [tag]
 */
export const saidIn = (text, tag = "span") =>
  text ? el(tag, { lang: language() === "zh" && causeInChinese(text) === null ? "en" : null }, said(text)) : null;

/** @param {import("./json-lines.js").Finding} finding */
export const findingText = (finding) => (language() === "zh" ? findingInChinese(finding) : null) ?? finding.message;
