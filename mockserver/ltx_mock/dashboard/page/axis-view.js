/** A task's life on a time axis: its states as sections, polls, faults and attempts of callbacks as marks, and now. */

import { axisOf } from "./axis.js";
import { el, refill, set } from "./dom.js";
import { span, timeOfDay } from "./format.js";
import { t } from "./i18n.js";
import { stateText, toneOf } from "./pills.js";
import { taskIdOf } from "./store.js";

/** @typedef {import("./store.js").Task} Task */

/** A tick beyond this share of the line has no room for its text. */
const LAST_TICK = 0.9;
const KINDS = ["poll", "fault", "attempt", "missed", "coming"];

export class AxisView {
  /** @type {Task | null} */
  #task = null;
  #drawn = "";

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.line = el("div.line-of-time", { role: "img" });
    this.legend = el("p.legend", { "aria-hidden": "true" });
    this.root = el("div.axis", {}, this.line, this.legend);
    store.on(["requests", "deliveries"], () => this.#task && this.root.isConnected && this.tick());
  }

  /** @param {Task} task */
  show(task) {
    this.#task = task;
    this.#drawn = "";
    this.tick();
  }

  /** Show that time has passed. */
  tick() {
    const task = this.#task;
    if (!task) return;
    const now = this.store.now(task.tenant);
    const events = this.#events(task);
    const axis = axisOf(task, events, now);
    const drawn = [axis.to, axis.now, events.length, task.state].join(" ");
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    refill(
      this.line,
      ...axis.sections.map((section) => place(el(`span.section.${toneOf(section.state)}`, { title: stateText(section.state) }), section.from, section.to)),
      ...axis.marks.map((mark) => place(el(`span.at.${mark.kind}`, { title: this.#told(mark, task) }), mark.share)),
      ...axis.ticks.filter((tick) => tick <= (axis.to - axis.from) * LAST_TICK).map((tick) => place(el("span.tick", {}, span(tick)), tick / (axis.to - axis.from))),
      axis.now === null
        ? el("span.now.beyond", {}, t("axis.beyond", { span: span(now - axis.to) }))
        : place(el("span.now", {}, el("span", {}, t("axis.now"))), axis.now),
    );
    const there = KINDS.filter((kind) => axis.marks.some((mark) => mark.kind === kind));
    refill(this.legend, ...there.map((kind) =>
      el("span", {}, el(`span.sample.${kind}`), t(`axis.${kind}`, { n: numberOf(axis.marks, kind) }))));
    set(this.line, "aria-label", this.#summary(axis, now));
  }

  /**
   * @param {Task} task
   * @returns {import("./axis.js").Event[]}
   */
  #events(task) {
    /** @type {import("./axis.js").Event[]} */
    const events = [];
    for (const entry of this.store.requests.values()) {
      const { operation, status, at } = entry;
      if (operation === "callback" || entry.tenant !== task.tenant || taskIdOf(entry) !== task.id) continue;
      if (status !== 200 && status !== 206) events.push({ kind: "fault", at });
      else if (operation === "statusTask") events.push({ kind: "poll", at });
    }
    for (const { taskId, attempts, due } of this.store.deliveries.values()) {
      if (taskId !== task.id) continue;
      for (const { at, status } of attempts) events.push({ kind: status === 200 ? "attempt" : "missed", at });
      if (due !== null) events.push({ kind: "coming", at: due });
    }
    return events;
  }

  /**
   * @param {import("./axis.js").Mark} mark
   * @param {Task} task
   */
  #told({ kind, from, to, count }, task) {
    const when = from === to ? timeOfDay(from) : `${timeOfDay(from)} – ${timeOfDay(to)}`;
    return `${t(`axis.${kind}`, { n: count })}, ${when} (+${span(from - task.createTime, true)})`;
  }

  /**
   * Return what the picture shows, for those who do not see it.
   *
   * @param {import("./axis.js").Axis} axis
   * @param {number} now
   */
  #summary({ from, to, sections, marks }, now) {
    const states = sections.map((each) => t("axis.section", { state: stateText(each.state), span: span(each.from * (to - from)) }));
    const there = KINDS.filter((kind) => marks.some((mark) => mark.kind === kind));
    const counts = there.map((kind) => t(`axis.${kind}`, { n: numberOf(marks, kind) }));
    return [t("axis.title"), ...states, ...counts, t("axis.passed", { span: span(now - from) })].join("; ");
  }
}

/**
 * @param {import("./axis.js").Mark[]} marks
 * @param {string} kind
 */
const numberOf = (marks, kind) => marks.filter((mark) => mark.kind === kind).reduce((sum, { count }) => sum + count, 0);

/**
 * Put something at its share of the line.
 *
 * @param {HTMLElement} node
 * @param {number} from
 * @param {number} [to]
 */
function place(node, from, to) {
  node.style.left = `${from * 100}%`;
  if (to !== undefined) node.style.width = `${(to - from) * 100}%`;
  return node;
}
