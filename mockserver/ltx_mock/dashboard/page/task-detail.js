/** One task: its video, its life, what it asked for, what was called back, and who asked about it. */

import { ROOT, change } from "./api.js";
import { copyButton } from "./buttons.js";
import { endless } from "./clocks.js";
import { curl } from "./curl.js";
import { el, link, refill, write } from "./dom.js";
import { span, timeOfDay } from "./format.js";
import { language, t } from "./i18n.js";
import { jsonView } from "./json-view.js";
import { facts, pill, stateText, statusText, toneOf, toneOfStatus } from "./pills.js";
import { attempt } from "./trouble.js";
import { VideoSlot } from "./video-slot.js";

/** @typedef {import("./store.js").Task} Task */

const SHOWN_REQUESTS = 20;
const FAIL_CODES = ["CONTENT_VIOLATION", "INVALID_IMAGE_URL", "INVALID_LORA_URL"];

export class TaskDetail {
  /** @type {Task | null} */
  #task = null;
  #language = "";

  /**
   * @param {import("./store.js").Store} store
   * @param {{openRequest(number: number): void, openDelivery(id: string): void}} ways
   */
  constructor(store, ways) {
    this.store = store;
    this.ways = ways;
    this.head = el("div.head");
    this.video = new VideoSlot(store);
    this.life = el("ol.life");
    this.actions = el("div.actions");
    this.about = el("div");
    this.callbacks = el("div");
    this.requests = el("div");
    this.given = el("div");
    const { head, life, actions, about, callbacks, requests, given } = this;
    this.root = el("article", {}, head, this.video.root, life, actions, about, callbacks, requests, given);
    store.on(["deliveries"], () => this.#showCallbacks());
    store.on(["requests"], () => this.#showRequests());
  }

  /** @param {Task} task */
  show(task) {
    if (task === this.#task && this.#language === language()) return;
    const another = task.id !== this.#task?.id || this.#language !== language();
    this.#task = task;
    this.#language = language();
    this.video.show(task);
    refill(this.head, el("h3.mono", {}, task.id), pill(toneOf(task.state), stateText(task.state)));
    this.#drawLife(task);
    refill(this.actions, ...this.#actions(task));
    refill(this.about, el("p.quoted", {}, String(task.request?.input?.prompt ?? "")), factsOf(task));
    this.#showCallbacks();
    this.#showRequests();
    if (another) refill(this.given, el("h4", {}, t("task.request")), jsonView(task.request, [], t("task.request")));
  }

  /** Show that time has passed. */
  tick() {
    if (!this.#task) return;
    const now = this.store.now(this.#task.key);
    stepsOf(this.#task).forEach((step, index) => this.#drawStep(this.life.children[index], step, now));
  }

  /** @param {Task} task */
  #drawLife(task) {
    refill(this.life, ...stepsOf(task).map(() => el("li", {}, el("b"), el("span"))));
    this.tick();
  }

  /**
   * @param {HTMLElement} item
   * @param {{state: string, at: number, after: number}} step
   * @param {number} now
   */
  #drawStep(item, { state, at, after }, now) {
    const over = at <= now;
    const since = after ? ` (+${span(after, true)})` : "";
    item.className = over ? `over ${toneOf(state)}` : "ahead";
    write(item.children[0], state === "created" ? t("task.created") : stateText(state));
    write(item.children[1], over ? timeOfDay(at) + since : t("in", { span: span(at - now) }));
  }

  /** @param {Task} task */
  #actions(task) {
    const url = `${ROOT}/api/v1/statusTask/ltx-2-19b?taskId=${encodeURIComponent(task.id)}`;
    const actions = [copyButton(t("task.curl"), () => curl({ method: "GET", url }), "curl")];
    if (task.state === "success" || task.state === "failed") return actions;
    const code = el("select", { "aria-label": t("task.code"), data: { focus: "code" } });
    code.append(...FAIL_CODES.map((each) => el("option", {}, each)));
    const button = (/** @type {string} */ name, /** @type {() => unknown} */ body) =>
      el("button", {
        type: "button",
        data: { focus: name },
        on: { click: () => attempt(() => change("POST", `tasks/${encodeURIComponent(task.id)}/finish`, body())) },
      }, t(`task.${name}`));
    const fail = button("fail", () => ({ state: "failed", failCode: code.value }));
    return [...actions, button("finish", () => ({ state: "success" })), el("span.joined", {}, code, fail)];
  }

  #showCallbacks() {
    const id = this.#task?.id;
    if (!id) return;
    const mine = [...this.store.deliveries.values()].filter((delivery) => delivery.taskId === id);
    refill(this.callbacks, ...(mine.length ? [el("h4", {}, t("task.callbacks"))] : []), ...mine.map((delivery) =>
      entryButton(delivery.id, () => this.ways.openDelivery(delivery.id), [
        pill(toneOf(delivery.state), stateText(delivery.state)),
        t("callbacks.attempts", { n: delivery.attempts.length }),
        delivery.url,
      ])));
  }

  #showRequests() {
    const id = this.#task?.id;
    if (!id) return;
    const mine = [...this.store.requests.values()].filter((entry) => entry.taskId === id);
    const shown = mine.slice(-SHOWN_REQUESTS).reverse();
    const title = t("task.requests", { n: mine.length });
    refill(this.requests, ...(mine.length ? [el("h4", {}, title)] : []), ...shown.map((entry) =>
      entryButton(String(entry.number), () => this.ways.openRequest(entry.number), [
        el("span.mono", {}, timeOfDay(entry.at)),
        pill(toneOfStatus(entry.status), statusText(entry.status)),
        entry.operation,
        entry.state ? stateText(entry.state) : null,
        entry.cause,
      ])));
  }
}

/**
 * @param {string} focus
 * @param {() => void} onClick
 * @param {import("./dom.js").Child[]} children
 */
const entryButton = (focus, onClick, children) =>
  el("button.entry", { type: "button", data: { focus }, on: { click: onClick } },
    ...children.filter(Boolean).map((child) => el("span", {}, child)));

/**
 * Return the stations of a task's life, those to come included.
 *
 * @param {Task} task
 */
function stepsOf(task) {
  const steps = [{ state: "created", at: task.createTime, after: 0 }];
  if (task.processingTime < task.endTime) {
    steps.push({ state: "processing", at: task.processingTime, after: task.processingTime - task.createTime });
  }
  if (!endless(task)) steps.push({ state: task.endState, at: task.endTime, after: task.endTime - task.createTime });
  return steps;
}

/** @param {Task} task */
function factsOf(task) {
  const given = task.request?.input ?? {};
  const urls = Array.isArray(given.image_urls) ? given.image_urls : [];
  const loras = Array.isArray(given.loras) ? given.loras : [];
  return facts([
    [t("task.cause"), task.cause],
    [t("task.problem"), task.failCode && `${task.failCode}: ${task.failMsg}`],
    [t("form.mode"), given.mode],
    [t("task.size"), [given.resolution, given.aspect_ratio ?? "16:9", t("unit.s", { n: given.duration })].join(" · ")],
    [t("form.seed"), task.seed],
    [t("task.cost"), t("task.credits", { n: task.cost })],
    [t("key.label"), task.key],
    [t("form.image"), urls.length > 0 && el("span", {}, ...urls.map((url) => link(String(url))))],
    [t("form.loras"), loras.length > 0 && el("span.stack", {}, ...loras.map((lora) =>
      el("span", {}, link(String(lora?.path)), ` × ${lora?.scale ?? 1}`)))],
    [t("form.callback"), task.request?.callback_url && link(String(task.request.callback_url))],
  ]);
}
