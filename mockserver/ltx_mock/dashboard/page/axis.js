/** A task's life on a line to scale: what lies where, in shares of the line. Pure. */

/**
 * @typedef {"poll" | "fault" | "attempt" | "missed" | "coming"} Kind `fault`: a request with an error or without a response;
 *   `missed`: an attempt of a callback without 200; `coming`: one to come.
 * @typedef {{kind: Kind, at: number}} Event
 * @typedef {{kind: Kind, share: number, from: number, to: number, count: number}} Mark Events of one kind that lie so close
 *   that they are one.
 * @typedef {{state: string, from: number, to: number}} Section
 * @typedef {{from: number, to: number, now: number | null, sections: Section[], marks: Mark[], ticks: number[]}} Axis
 *   `now` is null if it lies beyond the line.
 */

const COLUMNS = 120;
const SPARE = 1.04;
/** If now is so many times as far as all that has happened, the line ends before it. */
const FAR = 1.6;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400].map((s) => s * 1000);
const MAX_TICKS = 5;

/**
 * @param {{createTime: number, endTime: number, endState: string, timeline: {at: number, state: string}[]}} task
 * @param {Event[]} events What happened, and the callbacks to come.
 * @param {number} now
 * @returns {Axis}
 */
export function axisOf(task, events, now) {
  const from = task.createTime;
  const planned = task.timeline.filter(({ at }) => at - from < 1e13).map(({ at }) => at);
  const last = Math.max(from + 1000, ...planned, ...events.map(({ at }) => at));
  const near = now - from <= (last - from) * FAR || !["success", "failed"].includes(task.endState);
  const to = from + (Math.max(last, near ? now : 0) - from) * SPARE;
  const shareOf = (/** @type {number} */ at) => Math.min(1, Math.max(0, (at - from) / (to - from)));
  const states = [{ at: from, state: "pending" }, ...task.timeline.filter(({ state }) => state !== "pending")];
  const sections = states.map(({ at, state }, index) => ({
    state, from: shareOf(at), to: shareOf(states[index + 1]?.at ?? to),
  })).filter((section) => section.to > section.from);
  return { from, to, now: near ? shareOf(now) : null, sections, marks: marksOf(events, shareOf), ticks: ticksOf(to - from) };
}

/**
 * @param {Event[]} events
 * @param {(at: number) => number} shareOf
 * @returns {Mark[]}
 */
function marksOf(events, shareOf) {
  /** @type {Map<string, Mark>} */
  const marks = new Map();
  for (const { kind, at } of events) {
    const share = shareOf(at);
    const place = `${kind} ${Math.round(share * COLUMNS)}`;
    const mark = marks.get(place);
    if (mark) {
      mark.count += 1;
      mark.to = Math.max(mark.to, at);
    } else marks.set(place, { kind, share, from: at, to: at, count: 1 });
  }
  return [...marks.values()];
}

/**
 * Return the round spans, in milliseconds, at which a line of this length has a tick.
 *
 * @param {number} length In milliseconds.
 */
export function ticksOf(length) {
  const step = STEPS.find((each) => length / each <= MAX_TICKS) ?? Math.ceil(length / MAX_TICKS / 86_400_000) * 86_400_000;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => index * step);
}
