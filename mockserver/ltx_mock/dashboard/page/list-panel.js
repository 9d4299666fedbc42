/** A list with the detail of what is selected beside it; on a narrow page the one or the other. */

import { el, refill, write } from "./dom.js";
import { t } from "./i18n.js";
import { VirtualList } from "./virtual-list.js";

const NARROW = matchMedia("(max-width: 52rem)");

/**
 * @template T
 * @typedef {object} Kind What a panel lists.
 * @property {string} name
 * @property {number} rowHeight
 * @property {() => import("./virtual-list.js").Row<T>} makeRow
 * @property {(item: T) => string} keyOf
 * @property {() => T[]} items All that are to be listed, the newest first.
 * @property {() => boolean} some Whether there are any, listed or not.
 * @property {(key: string) => T | undefined} find
 * @property {{root: HTMLElement, show(item: T): void, tick?(): void}} detail
 * @property {() => HTMLElement} empty What is shown while there is nothing.
 * @property {() => HTMLElement[]} tools
 */

/** @template T */
export class ListPanel {
  /** @param {Kind<T>} kind */
  constructor(kind) {
    this.kind = kind;
    this.host = el("div.list", { id: `list-${kind.name}` });
    this.list = new VirtualList(this.host, {
      rowHeight: kind.rowHeight,
      makeRow: kind.makeRow,
      keyOf: kind.keyOf,
      onSelect: (key) => this.#select(key),
      onOpen: () => this.#open(),
    });
    this.tools = el("div.tools");
    this.empty = el("div.empty", { hidden: true });
    this.unmatched = el("p.none", { hidden: true });
    this.none = el("p.none");
    this.back = el("button.back.quiet", { type: "button", on: { click: () => this.close() } });
    this.body = el("div.detail-body", { hidden: true }, this.back, kind.detail.root);
    this.detail = el("div.detail", { role: "region", tabindex: -1 }, this.none, this.body);
    this.detail.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape") this.close();
    });
    this.split = el("div.split", {}, el("div.list-side", {}, this.host, this.empty, this.unmatched), this.detail);
    this.root = el("div.panel", {}, this.tools, this.split);
  }

  /** Draw all texts. */
  speak() {
    const { name, tools, empty } = this.kind;
    this.host.setAttribute("aria-label", t(`${name}.list`));
    this.detail.setAttribute("aria-label", t(`${name}.detail`));
    write(this.none, t(`${name}.none`));
    write(this.unmatched, t("filter.nothing"));
    write(this.back, t("back"));
    refill(this.tools, ...tools());
    refill(this.empty, empty());
    this.list.redraw();
    this.#show();
  }

  /** Take what there is now. */
  update() {
    const items = this.kind.items();
    this.list.show(items);
    this.host.hidden = items.length === 0;
    const some = this.kind.some();
    this.empty.hidden = items.length > 0 || some;
    this.unmatched.hidden = items.length > 0 || !some;
    this.#show();
    return items.length;
  }

  tick() {
    this.list.tick();
    if (!this.body.hidden) this.kind.detail.tick?.();
  }

  /**
   * Select an item and show it, wherever the page is.
   *
   * @param {string} key
   */
  open(key) {
    this.#select(key);
    this.#open();
  }

  /** Go back from the detail to the list. */
  close() {
    delete this.split.dataset.open;
    if (this.host.hidden) return;
    this.host.focus();
    this.list.select(this.list.selected);
  }

  /** @param {string} key */
  #select(key) {
    this.list.select(key);
    this.#show();
  }

  #open() {
    this.split.dataset.open = "";
    if (NARROW.matches) this.detail.scrollIntoView({ block: "start" });
    this.detail.focus({ preventScroll: true });
  }

  #show() {
    const item = this.list.selected === null ? undefined : this.kind.find(this.list.selected);
    if (item === undefined && !this.body.hidden) delete this.split.dataset.open; // it is gone, after a reset
    this.body.hidden = item === undefined;
    this.none.hidden = item !== undefined;
    if (item !== undefined) this.kind.detail.show(item);
  }
}
