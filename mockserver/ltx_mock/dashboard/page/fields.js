/** Fields of a form, made from JSON Schemas: a choice for an enum, a number for a number, rows for objects, text else. */

import { el, refill, set, write } from "./dom.js";
import { t, tOr } from "./i18n.js";

/**
 * @typedef {{node: HTMLElement, read(): any, show(value: any): void, speak(): void, begin?(): void}} Field `read` returns undefined
 *   where nothing is given; `begin` shows a first item where there is none.
 */

/** A text longer than this gets several lines. */
const LONG = 500;

/**
 * Make the field for a value.
 *
 * @param {string} name
 * @param {any} schema
 * @param {any} sample What an item begins with.
 * @returns {Field}
 */
export function fieldOf(name, schema, sample) {
  if (schema.type === "array" && schema.items.type === "object") return new Rows(name, schema.items, sample?.[0] ?? {});
  if (schema.type === "array") return new Only(name, sample?.[0] ?? "");
  return new Plain(name, schema);
}

/**
 * Make what is typed into, or chosen from.
 *
 * @param {any} schema
 */
export function inputOf(schema) {
  if (schema.enum) return el("select", {}, ...schema.enum.map((/** @type {string} */ each) => el("option", {}, each)));
  if (isNumber(schema)) return numberOf(schema);
  if (schema.maxLength > LONG) return el("textarea", { rows: 3 });
  return el("input", { autocomplete: "off", spellcheck: "false" });
}

/** @param {any} schema */
const numberOf = ({ type, minimum, maximum }) =>
  el("input", { type: "number", inputmode: "numeric", step: type === "integer" ? 1 : 0.1, min: minimum, max: maximum });

/** @param {any} schema */
const isNumber = (schema) => ["integer", "number"].includes(schema.type);

/**
 * Put a label around something that is typed into.
 *
 * @param {string} name
 * @param {HTMLElement} input
 */
export const labelled = (name, input) => el("label.field", { data: { field: name } }, el("span"), input);

/** @param {string} name */
export const titleOf = (name) => tOr(`form.${name}`, name);

/** A text, a number or one of several words. */
class Plain {
  /**
   * @param {string} name
   * @param {any} schema
   */
  constructor(name, schema) {
    this.name = name;
    this.isNumber = isNumber(schema);
    this.input = inputOf(schema);
    this.initial = schema.enum?.[0] ?? "";
    this.node = labelled(name, this.input);
  }

  read() {
    const { value } = this.input;
    return value === "" ? undefined : this.isNumber ? asNumber(value) : value;
  }

  /** @param {any} value */
  show(value) {
    this.input.value = value ?? this.initial;
  }

  speak() {
    write(/** @type {Node} */ (this.node.firstChild), titleOf(this.name));
  }
}

/** The only item of an array of URLs. */
class Only extends Plain {
  /**
   * @param {string} name
   * @param {string} sample
   */
  constructor(name, sample) {
    super(name, { type: "string" });
    set(this.input, "type", "url");
    this.initial = sample;
  }

  read() {
    return this.input.value === "" ? [] : [this.input.value];
  }

  /** @param {any} value */
  show(value) {
    super.show(value?.[0]);
  }
}

/** An array of objects, each a row. */
class Rows {
  /**
   * @param {string} name
   * @param {any} schema Of an item.
   * @param {Record<string, any>} sample
   */
  constructor(name, schema, sample) {
    this.name = name;
    this.schema = schema;
    this.sample = sample;
    this.rows = el(`div.${name}`);
    this.more = el("button.quiet", { type: "button", on: { click: () => this.#add(this.sample) } });
    this.node = el("fieldset.field", { data: { field: name } }, el("legend"), this.rows, this.more);
  }

  read() {
    return [...this.rows.children].map((row) => {
      const inputs = Object.entries(this.schema.properties).map(([name, schema], index) => {
        const { value } = /** @type {HTMLInputElement} */ (row.children[index]);
        return [name, isNumber(schema) ? asNumber(value) : value];
      });
      return Object.fromEntries(inputs);
    });
  }

  /** @param {any} value */
  show(value) {
    refill(this.rows);
    for (const item of value ?? []) this.#add(item);
  }

  /** Show one item, if there is none. */
  begin() {
    if (this.rows.children.length === 0) this.#add(this.sample);
  }

  speak() {
    write(/** @type {Node} */ (this.node.firstChild), titleOf(this.name));
    write(this.more, t(`form.${this.name}.more`));
    for (const row of this.rows.children) this.#name(row);
  }

  /** @param {Record<string, any>} item */
  #add(item) {
    const inputs = Object.entries(this.schema.properties).map(([name, schema]) => {
      const input = inputOf(schema);
      input.value = item[name] ?? "";
      return input;
    });
    const remove = el("button.quiet", { type: "button", on: { click: () => this.#remove(row) } }, "×");
    const row = el("div.parts", {}, ...inputs, remove);
    this.#name(row);
    this.rows.append(row);
    this.#changed();
  }

  /** @param {Element} row */
  #remove(row) {
    row.remove();
    this.more.focus();
    this.#changed();
  }

  /** @param {Element} row */
  #name(row) {
    const names = [...Object.keys(this.schema.properties), "remove"];
    names.forEach((name, index) => set(row.children[index], "aria-label", t(`form.${this.name}.${name}`)));
  }

  /** Say so as if something had been typed. */
  #changed() {
    this.node.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/**
 * Return a number where one was typed, and what was typed else: the server says what is wrong with it.
 *
 * @param {string} text
 */
const asNumber = (text) => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
