/** The bill: what the tasks cost, and what of it was wasted. */

import { read } from "./api.js";
import { byId, el, refill } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";

/**
 * @typedef {{tasks: number, credits: number}} Part
 * @typedef {{tasks: number, charged: number, refunded: number, spent: number, wasted: number} & Record<string, any>} Bill
 * @typedef {{taskId: string, prompt: string, spent: number, waste: string[]}} Charge
 * @typedef {{total: Bill, tenants: (Bill & {tenant: string, key: string})[], prompts: (Bill & {prompt: string})[],
 *   wasted: Charge[], complete: boolean}} Statement
 */

const SHOWN = 8;
const SHOWN_LETTERS = 120;
const PAUSE_MS = 1000;
/** The server computes a bill of thousands of tasks for a while; so many times as long nobody asks again. */
const REST = 10;

export class BillView {
  /** @type {Statement | null} */
  #bill = null;
  #busy = false;
  #owing = false;

  /**
   * @param {import("./store.js").Store} store
   * @param {{openTask(id: string): void}} ways
   */
  constructor(store, ways) {
    this.store = store;
    this.ways = ways;
    this.host = byId("bill");
    store.on(["tasks", "requests", "deliveries", "scope"], () => this.#look());
  }

  /** Draw all. */
  speak() {
    const bill = this.#bill;
    if (!bill || bill.total.tasks === 0) return refill(this.host, el("p.none", {}, t("bill.none")));
    const { total, tenants, prompts, wasted, complete } = bill;
    const keys = tenants.toSorted((one, two) => two.spent - one.spent).slice(0, SHOWN);
    const open = [...this.host.querySelectorAll("details[open]")].map((each) => each.dataset.fold);
    const fold = (/** @type {string} */ name, /** @type {string} */ title, /** @type {HTMLElement} */ content) =>
      el("details", { open: open.includes(name), data: { fold: name } }, el("summary", { data: { focus: name } }, title), content);
    refill(
      this.host,
      el("p.sum", {}, el("strong", {}, t("bill.spent", { n: total.spent })), " · ", t("bill.tasks", { n: total.tasks }),
        total.refunded > 0 && t("bill.refunded", { n: total.refunded })),
      total.wasted > 0 ? this.#waste(total) : el("p.none", {}, t("bill.nothing")),
      wasted.length > 0 && fold("wasted", t("bill.which"), el("ul.plain", {}, ...wasted.toReversed().map((each) => this.#charge(each)))),
      keys.length > 1 && fold("keys", t("bill.keys"), table(keys, ({ key, tenant }) => `${key} (${tenant})`)),
      prompts.length > 1 && fold("prompts", t("bill.prompts"), table(prompts, ({ prompt }) => prompt.slice(0, SHOWN_LETTERS))),
      !complete && el("p.none", {}, t("bill.partial")),
    );
  }

  /** @param {Bill} total */
  #waste(total) {
    const rows = ["neverFetched", "neverAsked", "repeated"].filter((name) => total[name].tasks > 0);
    return el("div.waste", {},
      el("strong", {}, t("bill.wasted", { n: total.wasted })),
      el("ul.plain", {}, ...rows.map((name) =>
        el("li", {}, el("span", {}, t(`bill.${name}`)),
          el("span", {}, t("bill.part", { n: total[name].credits, tasks: t("bill.tasks", { n: total[name].tasks }) }))))));
  }

  /** @param {Charge} charge */
  #charge({ taskId, prompt, spent, waste }) {
    const open = el("button.link.mono", { type: "button", data: { focus: `bill ${taskId}` }, on: { click: () => this.ways.openTask(taskId) } }, taskId);
    const why = waste.map((each) => t(`bill.${each}`)).join(", ");
    return el("li", {}, open, el("span", {}, `${t("task.credits", { n: spent })} · ${why}`), el("span.about", {}, prompt.slice(0, SHOWN_LETTERS)));
  }

  /** Ask for the bill, if something may be new, and not too often. */
  async #look() {
    this.#owing = true;
    if (this.#busy) return;
    this.#busy = true;
    this.#owing = false;
    const began = performance.now();
    const scope = this.store.scope === null ? "" : `&tenant=${encodeURIComponent(this.store.scope)}`;
    const bill = await read(`spend?limit=${SHOWN}${scope}`).catch(() => null);
    if (bill) {
      this.#bill = bill;
      this.speak();
    }
    setTimeout(() => {
      this.#busy = false;
      if (this.#owing) this.#look();
    }, Math.max(PAUSE_MS, REST * (performance.now() - began)));
  }
}

/**
 * @template {Bill} T
 * @param {T[]} bills
 * @param {(bill: T) => string} nameOf
 */
function table(bills, nameOf) {
  const heads = ["", "tasks.title", "bill.column.spent", "bill.column.wasted"];
  return el("table.bill", {},
    el("thead", {}, el("tr", {}, ...heads.map((name) => (name ? el("th", { scope: "col" }, t(name)) : el("td"))))),
    el("tbody", {}, ...bills.map((bill) =>
      el("tr", {}, el("th", { scope: "row" }, nameOf(bill)), ...[bill.tasks, bill.spent, bill.wasted].map((n) => el("td", {}, count(n)))))));
}
