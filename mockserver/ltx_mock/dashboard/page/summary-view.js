/** The strip above the lists: how many tasks are in each state and how many callbacks fail; each number is a filter. */

import { byId, el, set, write } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { callbackState } from "./pills.js";

/** What is counted: the list, and the choice of its filter. */
const PARTS = [
  { list: "tasks", choice: "pending" },
  { list: "tasks", choice: "processing" },
  { list: "tasks", choice: "success" },
  { list: "tasks", choice: "failed" },
  { list: "callbacks", choice: "failing" },
];

/** The states of a callback that fails. */
export const FAILING = ["retrying", "failed"];

export class SummaryView {
  /**
   * @param {import("./store.js").Store} store
   * @param {(list: string, choice: string) => void} onChoose An empty choice takes the filter back.
   */
  constructor(store, onChoose) {
    this.store = store;
    this.parts = PARTS.map(({ list, choice }) => {
      const number = el("strong");
      const name = el("span");
      const button = el(`button.${choice}`, { type: "button", "aria-pressed": "false", data: { list, choice } }, number, " ", name);
      button.addEventListener("click", () =>
        onChoose(list, button.getAttribute("aria-pressed") === "true" ? "" : choice));
      return { list, choice, number, name, button };
    });
    byId("summary").append(...this.parts.map(({ button }) => button));
    store.on(["tasks", "deliveries", "scope"], () => this.draw());
  }

  /** Draw all texts. */
  speak() {
    this.draw();
  }

  /** Count. */
  draw() {
    /** @type {Record<string, number>} */
    const counted = {};
    const add = (/** @type {string} */ name) => (counted[name] = (counted[name] ?? 0) + 1);
    for (const task of this.store.tasks.values()) if (this.store.inScope(task)) add(`tasks ${task.state}`);
    for (const delivery of this.store.deliveries.values()) {
      if (this.store.inScope(delivery) && FAILING.includes(callbackState(delivery))) add("callbacks failing");
    }
    for (const { list, choice, number, name, button } of this.parts) {
      const n = counted[`${list} ${choice}`] ?? 0;
      write(number, count(n));
      write(name, t(`summary.${choice}`, { n }));
      set(button, "data-some", n > 0);
    }
  }

  /**
   * Show which filter is on.
   *
   * @param {string} list
   * @param {string} choice
   */
  mark(list, choice) {
    for (const part of this.parts) {
      if (part.list === list) set(part.button, "aria-pressed", String(part.choice === choice));
    }
  }
}
