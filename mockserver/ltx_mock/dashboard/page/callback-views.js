/** A callback as a row of the list, and in full: its attempts, and when it is tried again. */

import { change } from "./api.js";
import { el, link, refill, set, write } from "./dom.js";
import { span, timeOfDay } from "./format.js";
import { language, t } from "./i18n.js";
import { callbackState, dress, facts, pill, stateText, statusText, toneOf, toneOfStatus } from "./pills.js";
import { said, saidIn } from "./said.js";
import { nameOf } from "./store.js";
import { attempt } from "./trouble.js";

/** @typedef {import("./store.js").Delivery} Delivery */

/**
 * @param {(tenant: string) => number} now The time of a tenant.
 * @returns {import("./virtual-list.js").Row<Delivery>}
 */
export function callbackRow(now) {
  const state = el("span");
  const url = el("span.prompt");
  const when = el("span.when");
  const about = el("span.about");
  const tick = (/** @type {Delivery} */ delivery) => write(when, dueText(delivery, now(delivery.tenant)));
  return {
    root: el("div.row", {}, el("div.first", {}, state, url, when), el("div.second", {}, about)),
    tick,
    update(delivery) {
      dress(state, toneOf(callbackState(delivery)), stateText(callbackState(delivery)));
      write(url, delivery.url);
      const attempts = t("callbacks.attempts", { n: delivery.attempts.length });
      write(about, [delivery.taskId, attempts, said(delivery.reason), nameOf(delivery)].filter(Boolean).join(" · "));
      tick(delivery);
    },
  };
}

/**
 * @param {Delivery} delivery
 * @param {number} now
 */
function dueText(delivery, now) {
  if (delivery.due === null) return "";
  const key = delivery.attempts.length ? "callbacks.again" : "callbacks.first";
  return t(key, { span: span(delivery.due - now) });
}

export class CallbackDetail {
  /** @type {Delivery | null} */
  #delivery = null;
  #language = "";

  /**
   * @param {import("./store.js").Store} store
   * @param {{openTask(id: string): void}} ways
   */
  constructor(store, ways) {
    this.store = store;
    this.ways = ways;
    this.due = el("p.due");
    this.content = el("div");
    this.root = el("article", {}, this.content, this.due);
  }

  /** @param {Delivery} delivery */
  show(delivery) {
    if (delivery === this.#delivery && this.#language === language()) return;
    this.#delivery = delivery;
    this.#language = language();
    const { taskId, url, target } = delivery;
    const open = el("button.link.mono", {
      type: "button",
      data: { focus: "task" },
      on: { click: () => this.ways.openTask(taskId) },
    }, taskId);
    refill(
      this.content,
      el("div.head", {}, el("h3.mono", {}, delivery.id), pill(toneOf(callbackState(delivery)), stateText(callbackState(delivery)))),
      facts([
        [t("requests.task"), open],
        [t("callbacks.url"), link(url)],
        [t("callbacks.target"), target !== null && target !== url && link(target)],
        [t("callbacks.reason"), saidIn(delivery.reason)],
        [t("key.label"), nameOf(delivery)],
      ]),
      ...this.#actions(delivery),
      delivery.attempts.length ? attemptsTable(delivery) : null,
    );
    this.tick();
  }

  /** @param {Delivery} delivery */
  #actions(delivery) {
    if (["scheduled", "sending"].includes(delivery.state)) return [];
    const again = el("button", {
      type: "button",
      data: { focus: "again" },
      on: { click: () => attempt(() => redeliver(delivery)) },
    }, t("callbacks.redeliver"));
    return delivery.state === "withheld" ? [...routeActions(delivery, this.store.scope), el("p.actions", {}, again)] : [el("p.actions", {}, again)];
  }

  /** Count down. */
  tick() {
    if (!this.#delivery) return;
    const text = dueText(this.#delivery, this.store.now(this.#delivery.tenant));
    write(this.due, text);
    set(this.due, "hidden", text === "");
  }
}

/** @param {Delivery} delivery */
function attemptsTable({ attempts }) {
  const heads = ["number", "at", "took", "answer"].map((name) => el("th", { scope: "col" }, t(`callbacks.${name}`)));
  return el(
    "table",
    {},
    el("caption", {}, t("callbacks.attempts", { n: attempts.length })),
    el("thead", {}, el("tr", {}, ...heads)),
    el("tbody", {}, ...attempts.map(({ number, at, ended, status, error }) =>
      el("tr", {},
        el("td", {}, number),
        el("td.mono", {}, timeOfDay(at)),
        el("td", {}, span(ended - at, true)),
        el("td", {}, pill(status === 200 ? "good" : toneOfStatus(status), statusText(status)), error && ` ${said(error)}`)))),
  );
}

/** @param {Delivery} delivery */
const redeliver = ({ id }) => change("POST", `callbacks/${encodeURIComponent(id)}/redeliver`);

/**
 * Return ways to let a withheld callback go, which then goes: to its host, or somewhere else.
 *
 * @param {Delivery} delivery
 * @param {string | null} scope The tenant that is looked at: the settings are its own then, else everybody's.
 */
function routeActions(delivery, scope) {
  if (!URL.canParse(delivery.url)) return [];
  const { hostname, origin } = new URL(delivery.url);
  const letGo = (/** @type {unknown} */ settings) =>
    attempt(async () => {
      await change("POST", "settings", settings, scope);
      await redeliver(delivery);
    });
  const allow = el("button", {
    type: "button",
    data: { focus: "allow" },
    on: { click: () => letGo({ allow_callback_host: [hostname.replace(/^\[|\]$/g, "")] }) },
  }, t("callbacks.allow", { host: hostname }));
  const to = el("input", { type: "url", value: "http://localhost:3000", spellcheck: "false", data: { focus: "to" } });
  const rewrite = el("button", {
    type: "button",
    data: { focus: "rewrite" },
    on: { click: () => letGo({ callback_rewrite: { [origin]: to.value } }) },
  }, t("callbacks.rewrite"));
  to.setAttribute("aria-label", t("callbacks.rewrite.to", { origin }));
  return [el("p.actions", {}, allow), el("p.actions", {}, to, rewrite)];
}
