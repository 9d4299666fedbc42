/** The form that submits a task, as any client does. What is wrong with it is for the server to say. */

import { GENERATE, ROOT, Refused, submit } from "./api.js";
import { copyButton } from "./buttons.js";
import { curl } from "./curl.js";
import { byId, el, refill, set, write } from "./dom.js";
import { t } from "./i18n.js";
import { jsonView } from "./json-view.js";
import { presets } from "./presets.js";
import { say } from "./speech.js";

const MODES = ["text-to-video", "image-to-video", "text-to-video-LoRA", "image-to-video-LoRA"];
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
    this.presets = presets(ROOT);
    this.fields = {
      preset: el("select", { on: { change: () => this.#take(this.presets[this.fields.preset.value]) } }),
      key: el("input", { autocomplete: "off", spellcheck: "false" }),
      mode: select(MODES),
      prompt: el("textarea", { rows: 3 }),
      resolution: select(["480p", "720p", "1080p"]),
      duration: el("input", { type: "number", inputmode: "numeric" }),
      ratio: select(["16:9", "9:16"]),
      seed: el("input", { inputmode: "numeric", autocomplete: "off" }),
      image: el("input", { type: "url", autocomplete: "off", spellcheck: "false" }),
      loras: el("div.loras"),
      callback: el("input", { type: "url", autocomplete: "off", spellcheck: "false" }),
      scenario: el("select"),
    };
    this.fields.key.value = sessionStorage.getItem(KEY) ?? "any-key";
    this.labels = new Map(Object.entries(this.fields).map(([name, field]) => [name, labelled(name, field)]));
    this.more = el("button.quiet", { type: "button", on: { click: () => this.#addLora() } });
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
    this.#take(this.presets.text);
  }

  /** Draw all texts. */
  speak() {
    for (const [name, label] of this.labels) write(label.firstChild, t(`form.${name}`));
    const { preset } = this.fields;
    const chosen = preset.value || "text";
    const names = Object.keys(this.presets);
    refill(preset, ...names.map((name) => el("option", { value: name }, t(`preset.${name}`))));
    preset.value = chosen;
    write(this.more, t("form.more"));
    write(this.send, t("form.send"));
    write(this.show, t("form.show"));
    write(this.route, t("form.route"));
    write(this.details.firstChild, t("form.preview"));
    write(this.told, "");
    this.show.hidden = true;
    refill(this.actions, this.send, copyButton(t("form.curl"), () => this.#curl()));
    for (const row of this.fields.loras.children) nameLora(row);
    this.#drawScenarios();
    this.#drawPreview();
    this.#drawWarning();
  }

  /** Return the callback of the task that was made here last, where nobody will be called. */
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
    const text = withheld ? t("form.withheld", { reason: withheld.reason ?? "" }) : "";
    write(this.why, text);
    set(this.warning, "hidden", text === "");
  }

  #showCallback() {
    const withheld = this.#withheld();
    if (withheld) this.ways.openDelivery(withheld.id);
  }

  #layout() {
    const at = (/** @type {string} */ name) => this.labels.get(name) ?? "";
    const loras = el("fieldset.field", {}, el("legend"), this.fields.loras, this.more);
    this.labels.set("loras", loras);
    return [
      at("preset"), at("prompt"),
      el("div.pair", {}, at("mode"), at("resolution")),
      el("div.triple", {}, at("duration"), at("ratio"), at("seed")),
      at("image"), loras, at("callback"),
      el("div.pair", {}, at("key"), at("scenario")),
      this.actions, this.told, this.show, this.warning, this.details,
    ];
  }

  /** @param {import("./presets.js").Body} body */
  #take(body) {
    const { input } = body;
    const { fields } = this;
    fields.mode.value = input.mode;
    fields.prompt.value = input.prompt;
    fields.resolution.value = input.resolution;
    fields.duration.value = input.duration;
    fields.ratio.value = input.aspect_ratio ?? "16:9";
    fields.seed.value = input.seed ?? "";
    fields.image.value = input.image_urls?.[0] ?? `${ROOT}/files/images/reference.jpg`;
    fields.callback.value = body.callback_url ?? "";
    refill(fields.loras);
    for (const lora of input.loras ?? []) this.#addLora(lora.path, lora.scale);
    this.#drawShown();
  }

  #addLora(path = `${ROOT}/files/loras/style.safetensors?download=true`, scale = 1) {
    const row = el(
      "div.lora",
      {},
      el("input", { value: path, autocomplete: "off", spellcheck: "false" }),
      el("input", { value: scale, type: "number", step: "0.1" }),
      el("button.quiet", { type: "button", on: { click: () => { row.remove(); this.more.focus(); this.#drawPreview(); } } }, "×"),
    );
    nameLora(row);
    this.fields.loras.append(row);
    this.#drawPreview();
  }

  #drawShown() {
    const mode = this.fields.mode.value;
    set(this.labels.get("ratio"), "hidden", !mode.startsWith("text"));
    set(this.labels.get("image"), "hidden", !mode.startsWith("image"));
    set(this.labels.get("loras"), "hidden", !mode.endsWith("LoRA"));
    if (mode.endsWith("LoRA") && this.fields.loras.children.length === 0) this.#addLora();
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
    const { fields } = this;
    const mode = fields.mode.value;
    /** @type {Record<string, any>} */
    const input = {
      mode,
      prompt: fields.prompt.value,
      resolution: fields.resolution.value,
      duration: asNumber(fields.duration.value),
    };
    if (mode.startsWith("text")) input.aspect_ratio = fields.ratio.value;
    if (fields.seed.value.trim()) input.seed = asNumber(fields.seed.value);
    if (mode.startsWith("image")) input.image_urls = fields.image.value ? [fields.image.value] : [];
    if (mode.endsWith("LoRA")) {
      input.loras = [...fields.loras.children].map((row) => {
        const [path, scale] = row.querySelectorAll("input");
        return { path: path.value, scale: asNumber(scale.value) };
      });
    }
    const url = fields.callback.value.trim();
    return url ? { request_type: "callback", callback_url: url, input } : { request_type: "async", input };
  }

  #curl() {
    const { scenario } = this.fields;
    /** @type {Record<string, string>} */
    const headers = scenario.value ? { "X-Mock-Scenario": scenario.value } : {};
    return curl({ method: "POST", url: ROOT + GENERATE, body: this.#body(), headers });
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
      const id = await submit(this.#body(), key.value, scenario.value);
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

/** @param {string[]} values */
const select = (values) => el("select", {}, ...values.map((value) => el("option", {}, value)));

/**
 * @param {string} name
 * @param {HTMLElement} field
 */
const labelled = (name, field) => el("label.field", { data: { field: name } }, el("span"), field);

/** @param {Element} row */
function nameLora(row) {
  const [path, scale] = row.querySelectorAll("input");
  set(path, "aria-label", t("form.lora.path"));
  set(scale, "aria-label", t("form.lora.scale"));
  set(/** @type {Element} */ (row.querySelector("button")), "aria-label", t("form.lora.remove"));
}

/**
 * Return a number where one was typed, and what was typed else: the server says what is wrong with it.
 *
 * @param {string} text
 */
const asNumber = (text) => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
