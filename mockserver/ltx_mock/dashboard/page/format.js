/** Times and numbers as people read them. */

import { locale, t } from "./i18n.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * @param {string} name
 * @param {Intl.DateTimeFormatOptions} options
 */
function format(name, options) {
  const key = `${locale()} ${name}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale(), options));
  return /** @type {Intl.DateTimeFormat} */ (formats.get(key));
}

/** @param {number} ms Unix milliseconds. */
export const timeOfDay = (ms) =>
  format("time", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(ms);

/** @param {number} ms Unix milliseconds. */
export const day = (ms) => format("day", { year: "numeric", month: "short", day: "numeric" }).format(ms);

/** @param {number} ms Unix milliseconds. Return the time zone in which times are shown, as in "UTC" or "GMT+1". */
export const zone = (ms) =>
  format("zone", { timeZoneName: "short" }).formatToParts(ms).find(({ type }) => type === "timeZoneName")?.value ?? "";

/**
 * Return a length of time in its two largest units: "1 min 5 s".
 *
 * @param {number} ms
 * @param {boolean} [exact] Whether tenths of a second are told, below ten seconds.
 */
export function span(ms, exact = false) {
  const all = Math.max(0, ms);
  if (exact && all < 10 * SECOND) return t("unit.s", { n: (all / SECOND).toFixed(1) });
  const whole = Math.round(all / SECOND) * SECOND;
  /** @type {[string, number][]} */
  const units = [["d", DAY], ["h", HOUR], ["min", MINUTE], ["s", SECOND]];
  const parts = [];
  let rest = whole;
  for (const [name, size] of units) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n) parts.push(t(`unit.${name}`, { n }));
  }
  return parts.slice(0, 2).join(" ") || t("unit.s", { n: 0 });
}

/** @param {number} value */
export const count = (value) => value.toLocaleString(locale());
