/** One task: its video, its life, what it asked for, and all that happened to it. */

import { change } from "./api.js";
import { AxisView } from "./axis-view.js";
import { copyButton } from "./buttons.js";
import { curl } from "./curl.js";
import { el, link, refill, write } from "./dom.js";
import { span, timeOfDay } from "./format.js";
import { language, t } from "./i18n.js";
import { jsonView } from "./json-view.js";
import { MODEL, statusUrl } from "./model.js";
import { facts, isUpstream, pill, stateText, toneOf } from "./pills.js";
import { saidIn } from "./said.js";
import { nameOf } from "./store.js";
import { StoryView } from "./story-view.js";
import { attempt } from "./trouble.js";
import { VideoSlot, videoUrl } from "./video-slot.js";

/** @typedef {import("./store.js").Task} Task */

export class TaskDetail {
  /** @type {Task | null} */
  #task = null;
  #language = "";
  /** @type {string | null} The result, which the server tells when it is asked for the story. */
  #resultUrl = null;

  /**
   * @param {import("./store.js").Store} store
   * @param {{openRequest(number: number): void, openDelivery(id: string): void}} ways
   */
  constructor(store, ways) {
    this.store = store;
    this.ways = ways;
    this.head = el("div.head");
    this.video = new VideoSlot();
    this.axis = new AxisView(store);
    this.life = el("ol.life");
    this.actions = el("div.actions");
    this.about = el("div");
    this.given = el("div");
    this.story = new StoryView(store, ways, (story) => this.#take(story));
    const { head, video, axis, life, actions, about, story, given } = this;
    this.root = el("article", {}, head, video.root, axis.root, life, actions, about, story.root, given);
  }

  /** @param {Task} task */
  show(task) {
    if (task === this.#task && this.#language === language()) return;
    if (task.id !== this.#task?.id) this.#resultUrl = task.resultUrl;
    const another = task.id !== this.#task?.id || this.#language !== language();
    this.#task = task;
    this.#language = language();
    this.video.show(task);
    refill(this.head, el("h3.mono", {}, task.id), pill(toneOf(task.state), stateText(task.state)),
      isUpstream(task) && pill("busy", "upstream"));
    this.axis.show(task);
    this.#drawLife(task);
    refill(this.actions, ...this.#actions(task));
    refill(this.about, el("p.quoted", {}, String(task.request?.input?.prompt ?? "")), factsOf(task));
    if (another) this.#drawRequest([]);
    this.story.show(task);
  }

  /** Show that time has passed. */
  tick() {
    if (!this.#task) return;
    const now = this.store.now(this.#task.tenant);
    stepsOf(this.#task).forEach((step, index) => this.#drawStep(this.life.children[index], step, now));
    this.axis.tick();
    this.story.tick();
  }

  /** @param {import("./story-view.js").Story} story */
  #take({ findings, resultUrl }) {
    this.#drawRequest(findings);
    if (!this.#task || resultUrl === this.#resultUrl) return;
    this.#resultUrl = resultUrl;
    refill(this.actions, ...this.#actions(this.#task));
  }

  /** @param {import("./json-lines.js").Finding[]} findings */
  #drawRequest(findings) {
    if (!this.#task) return;
    const drawn = `${this.#task.id} ${language()} ${findings.length}`;
    if (this.given.dataset.drawn === drawn) return;
    this.given.dataset.drawn = drawn;
    const title = t("task.request");
    refill(this.given, el("h4", {}, title), jsonView(this.#task.request, findings, title));
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
    const actions = [copyButton(t("task.curl"), () => curl({ method: "GET", url: statusUrl(task.id) }), "curl")];
    const url = this.#resultUrl;
    if (url) {
      actions.push(copyButton(t("task.url"), () => url, "url"));
      actions.push(isUpstream(task)
        ? link(url)
        : el("a.button.quiet", { href: videoUrl(task.id), download: task.id + MODEL.result.suffix, data: { focus: "download" } }, t("task.download")));
    }
    if (isUpstream(task) || task.state === "success" || task.state === "failed") return actions;
    const code = el("select", { "aria-label": t("task.code"), data: { focus: "code" } });
    code.append(...Object.keys(MODEL.failCodes).map((each) => el("option", {}, each)));
    const button = (/** @type {string} */ name, /** @type {() => unknown} */ body) =>
      el("button", {
        type: "button",
        data: { focus: name },
        on: { click: () => attempt(() => change("POST", `tasks/${encodeURIComponent(task.id)}/finish`, body())) },
      }, t(`task.${name}`));
    const fail = button("fail", () => ({ state: "failed", failCode: code.value }));
    return [...actions, button("finish", () => ({ state: "success" })), el("span.joined", {}, code, fail)];
  }
}

/**
 * Return the stations of a task's life, those to come included.
 *
 * @param {Task} task
 */
const stepsOf = ({ createTime, timeline }) =>
  [{ state: "created", at: createTime }, ...timeline].map((step) => ({ ...step, after: step.at - createTime }));

/** @param {Task} task */
function factsOf(task) {
  const given = task.request?.input ?? {};
  /** @type {unknown[]} */
  const urls = Array.isArray(given.image_urls) ? given.image_urls : [];
  /** @type {any[]} */
  const loras = Array.isArray(given.loras) ? given.loras : [];
  return facts([
    [t("task.cause"), saidIn(task.cause)],
    [t("task.problem"), task.failCode && `${task.failCode}: ${task.failMsg}`],
    [t("form.mode"), given.mode],
    [t("task.size"), [given.resolution, given.aspect_ratio ?? MODEL.aspectRatios[0], t("unit.s", { n: given.duration })].join(" · ")],
    [t("form.seed"), task.seed],
    [t("task.cost"), t("task.credits", { n: task.cost })],
    [t("key.label"), nameOf(task)],
    [t("form.image_urls"), urls.length > 0 && el("span", {}, ...urls.map((url) => link(String(url))))],
    [t("form.loras"), loras.length > 0 && el("span.stack", {}, ...loras.map((lora) =>
      el("span", {}, link(String(lora?.path)), ` × ${lora?.scale ?? 1}`)))],
    [t("form.callback"), task.request?.callback_url && link(String(task.request.callback_url))],
  ]);
}
