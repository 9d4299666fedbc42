/** The tabs above the lists: one of them is in the tab order, arrows lead to the others. */

import { byId, el, set, write } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";

export class Tabs {
  /** @param {{name: string, root: HTMLElement}[]} panels */
  constructor(panels) {
    this.tabs = panels.map(({ name, root }) => {
      const badge = el("span.badge");
      const trouble = el("span.badge", { hidden: true });
      const title = el("span");
      const button = el("button", { role: "tab", type: "button", id: `tab-${name}`, "aria-controls": `panel-${name}` },
        title, " ", badge, " ", trouble);
      button.addEventListener("click", () => this.choose(name));
      const host = el("div", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}` }, root);
      byId("panels").append(host);
      return { name, button, title, badge, trouble, host };
    });
    const list = byId("tabs");
    list.append(...this.tabs.map(({ button }) => button));
    list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#onKey(event));
    this.choose(panels[0].name);
  }

  /** @param {string} name */
  choose(name) {
    this.chosen = name;
    for (const tab of this.tabs) {
      const on = tab.name === name;
      set(tab.button, "aria-selected", String(on));
      set(tab.button, "tabindex", on ? 0 : -1);
      tab.host.hidden = !on;
    }
  }

  /**
   * Tell how many there are of each.
   *
   * @param {string} name
   * @param {number} number
   */
  count(name, number) {
    const tab = this.tabs.find((each) => each.name === name);
    if (tab) tab.badge.textContent = count(number);
  }

  /**
   * Tell that something is wrong with some of them; an empty text takes it back.
   *
   * @param {string} name
   * @param {string} tone
   * @param {string} text
   */
  warn(name, tone, text) {
    const tab = this.tabs.find((each) => each.name === name);
    if (!tab) return;
    tab.trouble.className = `badge ${tone}`;
    write(tab.trouble, text);
    tab.trouble.hidden = text === "";
  }

  /** Draw all texts. */
  speak() {
    for (const { name, title } of this.tabs) title.textContent = t(`${name}.title`);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const here = this.tabs.findIndex(({ name }) => name === this.chosen);
    const last = this.tabs.length - 1;
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: last };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const tab = this.tabs[(moves[event.key] + this.tabs.length) % this.tabs.length];
    this.choose(tab.name);
    tab.button.focus();
  }
}
