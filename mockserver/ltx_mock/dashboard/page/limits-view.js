/** Limits and credits of each key, as gauges. */

import { countersAfter } from "./counters.js";
import { byId, el, refill } from "./dom.js";
import { count, timeOfDay } from "./format.js";
import { t } from "./i18n.js";
import { lastMinute } from "./request-rate.js";
import { sparkline } from "./sparkline.js";
import { nameOf } from "./store.js";

/** @typedef {import("./store.js").World} World */

const SHOWN = 12;
const PAUSE_MS = 500;

export class LimitsView {
  /** @type {ReturnType<typeof setTimeout> | null} */
  waiting = null;

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.host = byId("limits");
    store.on(["worlds", "scope"], () => this.speak());
    store.on(["requests"], () => this.tick());
  }

  /** Show that time has passed, and requests that came. */
  tick() {
    this.waiting ??= setTimeout(() => {
      this.waiting = null;
      this.speak();
    }, PAUSE_MS);
  }

  /** Draw all. */
  speak() {
    const worlds = countersAfter(this.store.worldsInScope(), this.store.tasks.values());
    if (worlds.length === 0) return refill(this.host, el("p.none", {}, t("limits.none")));
    const busiest = worlds.toSorted((one, two) => two.tasks.active - one.tasks.active || two.tasks.made - one.tasks.made);
    const more = worlds.length - SHOWN;
    refill(
      this.host,
      ...busiest.slice(0, SHOWN).map((world) => this.#world(world)),
      more > 0 && el("p.none", {}, t("limits.more", { n: more })),
    );
  }

  /** @param {World} world */
  #world(world) {
    const { tasks, credits, requests } = world;
    const most = Number.parseInt(requests.limit, 10);
    const over = requests.windowEnds !== null && requests.windowEnds <= this.store.now(world.tenant);
    const given = credits.left === null ? null : credits.left + credits.spent;
    return el(
      "div.world",
      {},
      el("h3", {}, el("span.mono", {}, nameOf(world)), el("span", {}, timeOfDay(this.store.now(world.tenant)))),
      gauge(t("limits.tasks"), tasks.active, tasks.limit, `${count(tasks.active)} / ${count(tasks.limit)}`),
      gauge(t("limits.requests"), over ? 0 : requests.inWindow, most,
        `${count(over ? 0 : requests.inWindow)} / ${count(most)} ${t(`limits.${requests.limit.split("/")[1]}`)}`),
      sparkline(lastMinute(this.store.requests.values(), world.tenant, this.store.now(world.tenant)), requests.limit),
      given === null
        ? el("p.gauge", {}, el("span", {}, t("limits.credits")), el("span", {}, t("limits.endless", { n: credits.spent })))
        : gauge(t("limits.credits"), credits.left ?? 0, given, `${count(credits.left ?? 0)} / ${count(given)}`, true),
    );
  }
}

/**
 * @param {string} name
 * @param {number} value
 * @param {number} most
 * @param {string} text
 * @param {boolean} [isStock] Whether little is bad, not much.
 */
function gauge(name, value, most, text, isStock = false) {
  const share = most > 0 ? Math.min(1, value / most) : 0;
  const strain = isStock ? 1 - share : share;
  const fill = el("span.fill");
  fill.style.transform = `scaleX(${share})`;
  const tone = strain >= 1 ? "bad" : strain >= 0.8 ? "warn" : "fine";
  const meter = {
    role: "meter",
    "aria-label": name,
    "aria-valuemin": 0,
    "aria-valuemax": Math.max(most, value, 1),
    "aria-valuenow": value,
    "aria-valuetext": text,
  };
  return el(
    "div.gauge",
    {},
    el("span", {}, name),
    el("span", {}, text),
    el(`span.meter.${tone}`, meter, fill),
  );
}
