/** The clock: how time runs, and a way to move it on. */

import { change } from "./api.js";
import { flows, nextEvent } from "./clocks.js";
import { byId, el, refill, set, write } from "./dom.js";
import { day, span, timeOfDay, zone } from "./format.js";
import { language, t } from "./i18n.js";
import { say } from "./speech.js";
import { attempt } from "./trouble.js";

const JUMPS = [10, 60, 600, 3600];
const SPEEDS = [1, 2, 10, 60, 600];
const APART_MS = 1500;

export class ClockView {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.time = byId("clock-time");
    this.day = byId("clock-day");
    this.hint = byId("clock-hint");
    this.modes = ["real", "manual", "auto"].map((mode) =>
      el("button", { type: "button", data: { mode }, on: { click: () => this.#set({ mode, ...this.#speed(mode) }) } }));
    this.jumps = JUMPS.map((seconds) =>
      el("button", { type: "button", on: { click: () => this.#advance(seconds) } }));
    this.next = el("button.primary", { type: "button", on: { click: () => this.#jump() } });
    this.speeds = byId("clock-speed");
    this.speeds.addEventListener("change", () => this.#set({ mode: "real", speed: Number(this.speeds.value) }));
    byId("clock-modes").append(...this.modes);
    byId("clock-jumps").append(...this.jumps, this.next);
    store.on(["clocks", "scope", "worlds"], () => this.draw());
    store.on(["tasks", "deliveries"], () => this.#drawNext());
  }

  /** Draw all texts. */
  speak() {
    for (const button of this.modes) {
      write(button, t(`clock.${button.dataset.mode}`));
      set(button, "title", t(`clock.${button.dataset.mode}.tip`));
    }
    this.jumps.forEach((button, index) => write(button, `+${span(JUMPS[index] * 1000)}`));
    write(this.next, t("clock.next"));
    this.draw();
  }

  draw() {
    const clock = this.#clock();
    for (const button of this.modes) {
      const on = button.dataset.mode === (flows(clock) ? "real" : clock.mode);
      set(button, "aria-pressed", String(on));
    }
    this.#drawSpeeds(clock.speed);
    this.speeds.disabled = !flows(clock);
    this.tick();
    this.#drawNext();
  }

  /** @param {number} current */
  #drawSpeeds(current) {
    const speeds = [...new Set([...SPEEDS, current])].sort((one, two) => one - two);
    const drawn = [language(), ...speeds].join(" ");
    if (this.speeds.dataset.drawn !== drawn) {
      this.speeds.dataset.drawn = drawn; // else an open list of choices would close while somebody reads it
      refill(this.speeds, ...speeds.map((speed) => el("option", { value: speed }, t("clock.times", { n: speed }))));
    }
    this.speeds.value = String(current);
  }

  /** Show the time. */
  tick() {
    const now = this.#now();
    write(this.time, timeOfDay(now));
    set(this.time, "datetime", new Date(now).toISOString());
    write(this.day, `${zone(now)}, ${day(now)}`);
    if (this.waitFor !== undefined && flows(this.#clock())) this.#drawNext();
  }

  #drawNext() {
    const next = this.#next();
    this.next.disabled = next === null;
    this.waitFor = next?.wait;
    const worlds = this.store.worldsInScope();
    const apart = worlds.length > 1 && spread(worlds.map((world) => this.store.now(world.tenant))) > APART_MS;
    const told = next === null
      ? t("clock.quiet")
      : t(`clock.next.${next.kind}`, { task: next.taskId, span: span(next.wait, true) });
    write(this.hint, apart ? `${told} ${t("clock.apart", { n: worlds.length })}` : told);
  }

  /** Return the clock of the tenant that is looked at; of all, the one that is furthest. */
  #clock() {
    const worlds = this.store.worldsInScope();
    if (worlds.length === 0) return this.store.clockOf(null);
    const furthest = worlds.reduce((one, two) => (this.store.now(two.tenant) > this.store.now(one.tenant) ? two : one));
    return this.store.clockOf(furthest.tenant);
  }

  #now() {
    const worlds = this.store.worldsInScope();
    return worlds.length ? worlds.reduce((latest, { tenant }) => Math.max(latest, this.store.now(tenant)), 0) : this.store.now(null);
  }

  #next() {
    const { tasks, deliveries } = this.store;
    return nextEvent(this.#mine(tasks), this.#mine(deliveries), (tenant) => this.store.now(tenant));
  }

  /**
   * @template {{tenant: string}} T
   * @param {Map<string, T>} items
   */
  *#mine(items) {
    for (const item of items.values()) if (this.store.inScope(item)) yield item;
  }

  /** @param {string} mode */
  #speed(mode) {
    const { speed } = this.#clock();
    return mode === "real" ? { speed } : {};
  }

  /** @param {{mode: string, speed?: number}} wanted */
  async #set(wanted) {
    await attempt(() => change("POST", "clock", wanted, this.store.scope));
  }

  /** @param {number} seconds */
  async #advance(seconds) {
    const told = await attempt(() => change("POST", "clock/advance", { seconds }, this.store.scope));
    if (told) say(t("clock.advanced", { span: span(seconds * 1000), n: told.fired.length }));
  }

  async #jump() {
    const next = this.#next();
    if (next) await this.#advance(Math.ceil(next.wait) / 1000);
  }
}

/** @param {number[]} moments */
const spread = (moments) =>
  moments.reduce((one, two) => Math.max(one, two)) - moments.reduce((one, two) => Math.min(one, two));
