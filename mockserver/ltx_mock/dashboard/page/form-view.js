/** The form that submits a task, as any client does. What is wrong with it is for the server to say. */

import { Refused, submit } from "./api.js";
import { copyButton } from "./buttons.js";
import { curl } from "./curl.js";
import { byId, el, refill, set, write } from "./dom.js";
import { fieldOf, labelled } from "./fields.js";
import { t, tOr } from "./i18n.js";
import { jsonView } from "./json-view.js";
import { FIELDS, GENERATE, MODEL, REQUIRED, takes } from "./model.js";
import { said } from "./said.js";
import { say } from "./speech.js";

/** Fields of `input` that stand side by side; the others follow, each on a line of its own. */
const GROUPS = [["prompt"], ["mode", "resolution"], ["duration", "aspect_ratio", "seed"]];
const KEY = "ltx-mock.key";

export class FormView {
  /**
   * @param {import("./store.js").Store} store
   * @param {{openTask(id: string): void, openDelivery(id: string): void, openWrong(): void}} ways
   */
  constructor(store, ways) {
    this.store = store;
    this.ways = ways;
    this.form = byId("submit");
    /** @type {Record<string, import("./fields.js").Field>} The fields of `input`, as its schema has them. */
    this.inputs = Object.fromEntries(
      Object.entries(FIELDS).map(([name, schema]) => [name, fieldOf(name, schema, sampleOf(name))]),
    );
    this.fields = {
      preset: el("select", { on: { change: () => this.#take(MODEL.examples[this.fields.preset.value]) } }),
      key: el("input", { autocomplete: "off", spellcheck: "false" }),
      callback: el("input", { type: "url", autocomplete: "off", spellcheck: "false" }),
      scenario: el("select"),
    };
    this.fields.key.value = sessionStorage.getItem(KEY) ?? "any-key";
    this.labels = new Map(Object.entries(this.fields).map(([name, field]) => [name, labelled(name, field)]));
    this.send = el("button.primary", { type: "submit" });
    this.told = el("p.told", { role: "status" });
    this.show = el("button.quiet", { type: "button", hidden: true, on: { click: () => this.ways.openWrong() } });
    this.why = el("p", { role: "status" });
    this.route = el("button.quiet", { type: "button", on: { click: () => this.#showCallback() } });
    this.warning = el("div.told.warn", { hidden: true }, this.why, this.route);
    this.preview = el("div");
    this.details = el("details", { on: { toggle: () => this.#drawPreview() } }, el("summary"), this.preview);
    this.actions = el("div.actions");
    this.form.append(...this.#layout());
    this.form.addEventListener("input", () => this.#drawPreview());
    this.form.addEventListener("change", () => this.#drawShown());
    this.form.addEventListener("submit", (/** @type {Event} */ event) => this.#send(event));
    /** @type {string | null} The id of the task that was made here last. */
    this.made = null;
    store.on(["library"], () => this.#drawScenarios());
    store.on(["deliveries"], () => this.#drawWarning());
    this.#take(Object.values(MODEL.examples)[0]);
  }

  /** Draw all texts. */
  speak() {
    for (const [name, label] of this.labels) write(label.firstChild, t(`form.${name}`));
    const { preset } = this.fields;
    const names = Object.keys(MODEL.examples);
    const chosen = preset.value || names[0];
    refill(preset, ...names.map((name) => el("option", { value: name }, tOr(`preset.${name}`, name))));
    preset.value = chosen;
    write(this.send, t("form.send"));
    write(this.show, t("form.show"));
    write(this.route, t("form.route"));
    write(this.details.firstChild, t("form.preview"));
    write(this.told, "");
    this.show.hidden = true;
    refill(this.actions, this.send, copyButton(t("form.curl"), () => this.#curl()));
    for (const input of Object.values(this.inputs)) input.speak();
    this.#drawScenarios();
    this.#drawPreview();
    this.#drawWarning();
  }

  /** Return the callback of the task that was made here last, where no callback is sent. */
  #withheld() {
    if (!this.made) return null;
    for (const each of this.store.deliveries.values()) {
      if (each.taskId === this.made && each.state === "withheld") return each;
    }
    return null;
  }

  /** Say that the task that was made here last will not call back, and why. */
  #drawWarning() {
    const withheld = this.#withheld();
    const text = withheld ? t("form.withheld", { reason: said(withheld.reason) }) : "";
    write(this.why, text);
    set(this.warning, "hidden", text === "");
  }

  #showCallback() {
    const withheld = this.#withheld();
    if (withheld) this.ways.openDelivery(withheld.id);
  }

  #layout() {
    const at = (/** @type {string} */ name) => this.labels.get(name) ?? "";
    const grouped = GROUPS.map((names) => names.filter((name) => name in this.inputs)).filter((names) => names.length);
    const alone = Object.keys(this.inputs).filter((name) => !GROUPS.flat().includes(name));
    return [
      at("preset"),
      ...[...grouped, ...alone.map((name) => [name])].map((names) => {
        const nodes = names.map((name) => this.inputs[name].node);
        return nodes.length === 1 ? nodes[0] : el(nodes.length === 2 ? "div.pair" : "div.triple", {}, ...nodes);
      }),
      at("callback"),
      el("div.pair", {}, at("key"), at("scenario")),
      this.actions, this.told, this.show, this.warning, this.details,
    ];
  }

  /** @param {import("./model.js").Body} body */
  #take(body) {
    for (const [name, input] of Object.entries(this.inputs)) input.show(body.input[name]);
    this.fields.callback.value = body.callback_url ?? "";
    this.#drawShown();
  }

  #drawShown() {
    const mode = this.inputs.mode.read();
    for (const [name, input] of Object.entries(this.inputs)) {
      set(input.node, "hidden", !takes(mode, name));
      if (MODEL.modes[mode].recommends.includes(name)) input.begin?.();
    }
    this.#drawPreview();
  }

  #drawScenarios() {
    const { scenario } = this.fields;
    const chosen = scenario.value;
    const names = this.store.library.map(({ name }) => el("option", { value: name }, name));
    refill(scenario, el("option", { value: "" }, t("form.scenario.none")), ...names);
    scenario.value = chosen;
  }

  #drawPreview() {
    if (this.details.open) refill(this.preview, jsonView(this.#body(), [], t("form.preview")));
  }

  /** Return the body that the form describes, be it good or not. */
  #body() {
    const mode = this.inputs.mode.read();
    /** @type {Record<string, any>} */
    const input = {};
    for (const [name, field] of Object.entries(this.inputs)) {
      const value = takes(mode, name) ? field.read() : undefined;
      if (value !== undefined || REQUIRED.includes(name)) input[name] = value ?? "";
    }
    const url = this.fields.callback.value.trim();
    return url ? { request_type: "callback", callback_url: url, input } : { request_type: "async", input };
  }

  #curl() {
    const { scenario } = this.fields;
    /** @type {Record<string, string>} */
    const headers = scenario.value ? { "X-Mock-Scenario": scenario.value } : {};
    return curl({ method: "POST", url: GENERATE, body: this.#body(), headers });
  }

  /** @param {Event} event */
  async #send(event) {
    event.preventDefault();
    const { key, scenario } = this.fields;
    sessionStorage.setItem(KEY, key.value);
    this.send.disabled = true;
    this.show.hidden = true;
    this.made = null;
    this.#drawWarning();
    try {
      const id = await submit(GENERATE, this.#body(), key.value, scenario.value);
      write(this.told, t("form.made", { id }));
      set(this.told, "class", "told");
      this.made = id;
      this.#drawWarning();
      this.ways.openTask(id);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { status, message } = error;
      write(this.told, status ? `${status}: ${message}` : t("form.broken", { message }));
      set(this.told, "class", "told bad");
      this.show.hidden = false;
      say(this.told.textContent ?? "");
    } finally {
      this.send.disabled = false;
    }
  }
}

/**
 * Return what a field of `input` is in the first example that has it.
 *
 * @param {string} name
 */
const sampleOf = (name) => Object.values(MODEL.examples).find(({ input }) => name in input)?.input[name];
