/**
 * A list of any length that has only the rows in the page that can be seen. For the keyboard and for screen readers it
 * is a listbox: arrows, Home and End move, Enter opens.
 */

import { el, set } from "./dom.js";

const SPARE_ROWS = 4;

/**
 * @template T
 * @typedef {{root: HTMLElement, update(item: T): void, tick?(item: T): void}} Row A row in the page, used again for
 *   other items.
 */

/** @template T */
export class VirtualList {
  /** @type {T[]} */
  items = [];
  /** @type {string | null} The key of the selected item. */
  selected = null;

  /** @type {{row: Row<T>, item: T | null, index: number}[]} */
  #slots = [];
  /** @type {Map<string, number>} */
  #places = new Map();
  #first = 0;
  #frame = 0;
  #height = 0;

  /**
   * @param {HTMLElement} host
   * @param {object} options
   * @param {number} options.rowHeight
   * @param {() => Row<T>} options.makeRow
   * @param {(item: T) => string} options.keyOf
   * @param {(key: string) => void} options.onSelect
   * @param {() => void} options.onOpen
   */
  constructor(host, options) {
    this.host = host;
    this.options = options;
    this.space = el("div.space", { role: "presentation" });
    set(host, "role", "listbox");
    set(host, "tabindex", 0);
    host.append(this.space);
    host.addEventListener("scroll", () => this.#soon(), { passive: true });
    host.addEventListener("keydown", (event) => this.#onKey(event));
    host.addEventListener("click", (event) => this.#onClick(event));
    new ResizeObserver(([entry]) => {
      this.#height = entry.contentRect.height;
      this.#soon();
    }).observe(host);
  }

  /**
   * Show these items. What is in view stays where it is, though others came before it.
   *
   * @param {T[]} items
   */
  show(items) {
    const { rowHeight, keyOf } = this.options;
    const top = this.host.scrollTop;
    const anchor = top > 0 ? this.items[Math.floor(top / rowHeight)] : undefined;
    this.items = items;
    this.#places = new Map(items.map((item, index) => [keyOf(item), index]));
    this.space.style.height = `${items.length * rowHeight}px`;
    if (anchor !== undefined) {
      const place = this.#places.get(keyOf(anchor));
      if (place !== undefined) this.host.scrollTop = place * rowHeight + (top % rowHeight);
    }
    this.#draw();
  }

  /** Draw the rows again, though the items are the same: the language is another. */
  redraw() {
    for (const slot of this.#slots) slot.item = null;
    this.#draw();
  }

  /** Let the rows show that time has passed. */
  tick() {
    for (const { row, item } of this.#slots) if (item !== null) row.tick?.(item);
  }

  /**
   * Select an item, if it is there, and bring it into view.
   *
   * @param {string | null} key
   */
  select(key) {
    this.selected = key;
    const place = key === null ? undefined : this.#places.get(key);
    if (place !== undefined) this.#reveal(place);
    this.#draw();
  }

  /** @param {number} place */
  #reveal(place) {
    const { rowHeight } = this.options;
    const top = place * rowHeight;
    if (top < this.host.scrollTop) this.host.scrollTop = top;
    else if (top + rowHeight > this.host.scrollTop + this.#height) this.host.scrollTop = top + rowHeight - this.#height;
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { rowHeight } = this.options;
    const fitting = Math.ceil(this.#height / rowHeight) + 2 * SPARE_ROWS;
    this.#first = Math.max(0, Math.floor(this.host.scrollTop / rowHeight) - SPARE_ROWS);
    const last = Math.min(this.items.length, this.#first + fitting);
    while (this.#slots.length < Math.min(fitting, this.items.length)) this.#addSlot();
    // Each place has its slot, so scrolling by one row writes one row.
    const used = new Set();
    for (let index = this.#first; index < last; index++) {
      const slot = this.#slots[index % this.#slots.length];
      used.add(slot);
      this.#fill(slot, index);
    }
    for (const slot of this.#slots) if (!used.has(slot)) this.#empty(slot);
    const place = this.selected === null ? undefined : this.#places.get(this.selected);
    const there = place !== undefined && place >= this.#first && place < last;
    set(this.host, "aria-activedescendant", there ? this.#slots[place % this.#slots.length].row.root.id : null);
  }

  #addSlot() {
    const row = this.options.makeRow();
    row.root.id = `${this.host.id}-${this.#slots.length}`;
    set(row.root, "role", "option");
    this.#slots.push({ row, item: null, index: -1 });
    for (const slot of this.#slots) slot.item = null; // each place has another slot now
    this.space.append(row.root);
  }

  /**
   * @param {{row: Row<T>, item: T | null, index: number}} slot
   * @param {number} index
   */
  #fill(slot, index) {
    const item = this.items[index];
    const { root } = slot.row;
    if (slot.index !== index) {
      slot.index = index;
      root.style.transform = `translateY(${index * this.options.rowHeight}px)`;
      set(root, "aria-posinset", index + 1);
    }
    if (slot.item !== item) {
      slot.item = item;
      slot.row.update(item);
    }
    root.hidden = false;
    set(root, "aria-setsize", this.items.length);
    set(root, "aria-selected", String(this.options.keyOf(item) === this.selected));
  }

  /** @param {{row: Row<T>, item: T | null, index: number}} slot */
  #empty(slot) {
    slot.item = null;
    slot.row.root.hidden = true;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.#height / this.options.rowHeight) - 1);
    const here = this.selected === null ? -1 : (this.#places.get(this.selected) ?? -1);
    const last = this.items.length - 1;
    /** @type {Record<string, number>} */
    const moves = {
      ArrowDown: here + 1,
      ArrowUp: here - 1,
      PageDown: here + page,
      PageUp: here - page,
      Home: 0,
      End: last,
    };
    if (event.key in moves && last >= 0) {
      event.preventDefault();
      const place = Math.min(last, Math.max(0, moves[event.key]));
      this.options.onSelect(this.options.keyOf(this.items[place]));
    } else if ((event.key === "Enter" || event.key === " ") && here >= 0) {
      event.preventDefault();
      this.options.onOpen();
    }
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const slot = this.#slots.find(({ row }) => row.root.contains(/** @type {Node} */ (event.target)));
    if (!slot || slot.item === null) return;
    this.options.onSelect(this.options.keyOf(slot.item));
    this.options.onOpen();
  }
}
