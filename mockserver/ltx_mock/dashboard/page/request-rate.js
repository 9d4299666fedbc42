/** How many requests came in each part of the last minute, and how near the limit is. Pure. */

const MINUTE = 60_000;
const BARS = 30;
const SPANS = /** @type {Record<string, number>} */ ({ second: 1000, minute: MINUTE, hour: 60 * MINUTE });
const COUNTED = ["generateTask", "statusTask", "balance"];

/**
 * Return how many requests of a tenant came in each part of the last minute, the oldest first.
 *
 * @param {Iterable<{tenant: string, operation: string, at: number}>} entries
 * @param {string} tenant
 * @param {number} now
 * @returns {number[]}
 */
export function lastMinute(entries, tenant, now) {
  const parts = Array.from({ length: BARS }, () => 0);
  for (const entry of entries) {
    const age = now - entry.at;
    if (entry.tenant !== tenant || age < 0 || age >= MINUTE || !COUNTED.includes(entry.operation)) continue;
    parts[BARS - 1 - Math.floor((age / MINUTE) * BARS)] += 1;
  }
  return parts;
}

/**
 * Return the height of the bars and of the limit, as shares of the picture; the limit is null where it lies above.
 *
 * @param {number[]} parts
 * @param {string} limit As in "10000/minute".
 */
export function scaled(parts, limit) {
  const [most, unit] = limit.split("/");
  const line = (Number(most) * (MINUTE / BARS)) / SPANS[unit];
  const peak = Math.max(1, ...parts);
  const top = line <= peak * 2 ? Math.max(peak, line) : peak;
  return { bars: parts.map((part) => part / top), line: line <= top ? line / top : null };
}
