/** The story of a task, as the server tells it: what happened and why, and what is to come. */

import { read } from "./api.js";
import { el, refill, write } from "./dom.js";
import { span, timeOfDay } from "./format.js";
import { language, t } from "./i18n.js";
import { said, saidIn } from "./said.js";
import { pill, stateText, statusText, toneOf, toneOfStatus } from "./pills.js";

/**
 * @typedef {import("./store.js").Task} Task
 * @typedef {{at: number, event: "request" | "state" | "callback", number?: number | null, operation?: string,
 *   status?: number | null, state?: string | null, cause?: string | null, failCode?: string, deliveryId?: string,
 *   error?: string | null, ended?: number}} Step
 * @typedef {{story: Step[], next: Step[], polls: number, resultUrl: string | null,
 *   findings: import("./json-lines.js").Finding[]}} Story
 */

const PAUSE_MS = 400;

export class StoryView {
  /** @type {Task | null} */
  #task = null;
  /** @type {Story | null} */
  #story = null;
  /** @type {unknown[]} What the story depends on, as it was when it was asked for. */
  #basis = [];
  #language = "";
  #busy = false;
  /** @type {{node: HTMLElement, at: number}[]} */
  #ahead = [];

  /**
   * @param {import("./store.js").Store} store
   * @param {{openRequest(number: number): void, openDelivery(id: string): void}} ways
   * @param {(story: Story) => void} onStory
   */
  constructor(store, ways, onStory) {
    this.store = store;
    this.ways = ways;
    this.onStory = onStory;
    this.root = el("div");
    store.on(["tasks", "deliveries", "requests"], () => this.#look());
  }

  /** @param {Task} task */
  show(task) {
    if (task.id !== this.#task?.id) refill(this.root);
    this.#task = task;
    if (this.#language !== language() && this.#story) this.#draw(this.#story);
    this.#look();
  }

  /** Count down to what is to come. */
  tick() {
    if (!this.#task) return;
    const now = this.store.now(this.#task.tenant);
    for (const { node, at } of this.#ahead) write(node, t("in", { span: span(at - now) }));
  }

  /** Ask for the story, if something of it is new; not more often than somebody can read it. */
  async #look() {
    const task = this.#task;
    if (!task || this.#busy || !this.root.isConnected) return;
    const basis = this.#basisOf(task);
    if (basis.every((each, index) => each === this.#basis[index])) return;
    this.#basis = basis;
    this.#busy = true;
    const story = await read(`tasks/${encodeURIComponent(task.id)}`).catch(() => null);
    if (story && task.id === this.#task?.id) {
      this.#story = story;
      this.#draw(story);
      this.onStory(story);
    }
    setTimeout(() => {
      this.#busy = false;
      this.#look();
    }, PAUSE_MS);
  }

  /** @param {Task} task */
  #basisOf(task) {
    let asked = 0;
    for (const entry of this.store.requests.values()) if (entry.taskId === task.id) asked = entry.number;
    const delivery = [...this.store.deliveries.values()].find(({ taskId }) => taskId === task.id);
    return [task.id, this.store.tasks.get(task.id), asked, delivery];
  }

  /** @param {Story} story */
  #draw({ story, next, polls }) {
    this.#language = language();
    this.#ahead = [];
    const past = story.map((step) => this.#step(step, el("span.mono", {}, timeOfDay(step.at)), "li"));
    const ahead = next.map((step) => {
      const node = el("span");
      this.#ahead.push({ node, at: step.at });
      return this.#step(step, node, "li.ahead");
    });
    refill(
      this.root,
      el("h4", {}, t("story.title")),
      el("ol.story", {}, ...past, ...ahead),
      polls > 0 && el("p.none", {}, t("story.polls", { n: polls })),
    );
    this.tick();
  }

  /**
   * @param {Step} step
   * @param {HTMLElement} when
   * @param {string} tag
   */
  #step(step, when, tag) {
    const cause = saidIn(step.cause, "span.cause");
    return el(tag, {}, when, el("span", {}, ...this.#what(step), cause));
  }

  /**
   * @param {Step} step
   * @returns {import("./dom.js").Child[]}
   */
  #what(step) {
    const { event, number, status = null, state, failCode, deliveryId, error } = step;
    if (event === "state") return [pill(toneOf(state ?? ""), stateText(state ?? "")), failCode && ` ${failCode} `];
    if (event === "callback") {
      const over = step.ended !== undefined;
      return [
        way(t("story.callback", { n: number ?? 0 }), `cb ${number}`, () => this.ways.openDelivery(deliveryId ?? "")),
        over ? pill(toneOfStatus(status), statusText(status)) : pill(toneOf(state ?? ""), stateText(state ?? "")),
        error && ` ${said(error)} `,
      ];
    }
    const name = step.operation ?? "";
    return [
      number ? way(name, `entry ${number}`, () => this.ways.openRequest(number)) : `${name} `,
      pill(toneOfStatus(status), statusText(status)),
      state && ` ${stateText(state)} `,
    ];
  }
}

/**
 * @param {string} text
 * @param {string} focus
 * @param {() => void} onClick
 */
const way = (text, focus, onClick) =>
  el("button.link", { type: "button", data: { focus }, on: { click: onClick } }, text);
