/** Scenarios: the library, and what is armed. */

import { change } from "./api.js";
import { byId, el, refill, set, write } from "./dom.js";
import { language, t, tOr } from "./i18n.js";
import { say } from "./speech.js";
import { attempt } from "./trouble.js";

/** @typedef {import("./store.js").Scenario} Scenario */

const GROUPS = ["task", "error", "connection", "time", "callback", "result", "drift", "own"];

/**
 * Return the group in which a scenario is listed, by what it does.
 *
 * @param {Scenario} scenario
 * @returns {string}
 */
export function groupOf(scenario) {
  if (scenario.callback || scenario.operation === "callback") return "callback";
  if (scenario.operation === "download" || "cut" in scenario || "bytesPerSecond" in scenario) return "result";
  if (scenario.failCode) return "task";
  if (scenario.status) return "error";
  if (scenario.fault) return "connection";
  if (scenario.drift) return "drift";
  return scenario.delay || scenario.generation || scenario.stuck ? "time" : "own";
}

/** @param {Scenario} scenario What the server says of it is in English. */
export const aboutOf = (scenario) => tOr(`scenario.${scenario.name}`, scenario.about ?? "");

export class ScenariosView {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.filter = el("input", { type: "search", autocomplete: "off", on: { input: () => this.#drawLibrary() } });
    this.label = el("label.field", {}, el("span"), this.filter);
    this.library = el("form.library", { on: { submit: (/** @type {Event} */ event) => event.preventDefault() } });
    this.library.addEventListener("change", () => this.#drawButtons());
    this.once = el("button.primary", { type: "button", on: { click: () => this.#arm({ times: 1 }) } });
    this.always = el("button", { type: "button", on: { click: () => this.#arm({ times: "forever" }) } });
    this.clear = el("button.quiet", { type: "button", on: { click: () => this.#clear() } });
    this.armed = el("div.armed");
    const buttons = el("div.actions", {}, this.once, this.always);
    byId("scenarios").append(this.armed, this.label, this.library, buttons);
    store.on(["library"], () => this.speak());
    store.on(["armed", "scope"], () => this.#drawArmed());
  }

  /** Draw all texts. */
  speak() {
    write(this.label.firstChild, t("scenarios.filter"));
    write(this.once, t("scenarios.once"));
    write(this.always, t("scenarios.always"));
    write(this.clear, t("scenarios.clear"));
    this.#drawLibrary();
    this.#drawArmed();
  }

  get #chosen() {
    return this.library.querySelector("input:checked")?.value ?? "";
  }

  #drawLibrary() {
    const wanted = this.filter.value.trim().toLowerCase();
    const chosen = this.#chosen;
    const found = this.store.library.filter((scenario) =>
      `${scenario.name} ${aboutOf(scenario)}`.toLowerCase().includes(wanted));
    const groups = Map.groupBy(found, groupOf);
    refill(this.library, ...GROUPS.filter((group) => groups.has(group)).map((group) =>
      el("fieldset", {},
        el("legend", {}, t(`scenarios.group.${group}`)),
        ...(groups.get(group) ?? []).map((scenario) => choice(scenario, scenario.name === chosen)))));
    if (found.length === 0) this.library.append(el("p.none", {}, t("scenarios.nothing")));
    this.#drawButtons();
  }

  #drawButtons() {
    const { library } = this.store;
    const chosen = library.find((scenario) => scenario.name === this.#chosen);
    this.once.disabled = !chosen;
    this.always.disabled = !chosen;
  }

  #drawArmed() {
    const rows = [...this.store.armed].flatMap(([tenant, scenarios]) => {
      const shown = this.store.scope === null || tenant === this.store.scope || tenant === null;
      const name = tenant === null ? t("scenarios.later") : this.store.nameOf(tenant);
      return shown ? scenarios.map((scenario) => ({ name, scenario })) : [];
    });
    const byName = Map.groupBy(rows, ({ scenario }) => scenario.name);
    set(this.armed, "data-some", byName.size > 0);
    if (byName.size === 0) return refill(this.armed, el("p.none", {}, t("scenarios.none")));
    const items = [...byName].map(([name, each]) =>
      el("li", {}, el("strong.mono", {}, name), el("span", {}, each.map(leftOf).join("; "))));
    refill(this.armed, el("h3", {}, t("scenarios.armed")), el("ul", {}, ...items), this.clear);
  }

  /** @param {{times: number | "forever"}} wanted */
  async #arm(wanted) {
    const name = this.#chosen;
    const done = await attempt(() => change("POST", "scenarios", { name, ...wanted }, this.store.scope));
    if (done) say(t("scenarios.done", { name }));
  }

  async #clear() {
    const done = await attempt(() => change("DELETE", "scenarios", undefined, this.store.scope));
    if (done) say(t("scenarios.none"));
    this.filter.focus();
  }
}

/**
 * @param {Scenario} scenario
 * @param {boolean} checked
 */
function choice(scenario, checked) {
  const radio = el("input", { type: "radio", name: "scenario", value: scenario.name, checked, data: { focus: scenario.name } });
  const about = el("span", { lang: language() === "en" ? "en" : null }, aboutOf(scenario));
  return el("label.choice", {}, radio, el("span", {}, el("strong.mono", {}, scenario.name), about));
}

/** @param {{name: string, scenario: Scenario}} row */
function leftOf({ name, scenario }) {
  const times = scenario.times === "forever" ? t("scenarios.forever") : t("scenarios.left", { n: Number(scenario.times ?? 0) });
  return `${name}: ${times}`;
}
