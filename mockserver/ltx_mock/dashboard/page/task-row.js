/** A task as a row of the list. */

import { endless, progress } from "./clocks.js";
import { el, set, write } from "./dom.js";
import { span } from "./format.js";
import { t } from "./i18n.js";
import { dress, isUpstream, stateText, toneOf } from "./pills.js";
import { nameOf } from "./store.js";

/** @typedef {import("./store.js").Task} Task */

const SHOWN_LETTERS = 300;

/**
 * @param {(tenant: string) => number} now The time of a tenant.
 * @returns {import("./virtual-list.js").Row<Task>}
 */
export function taskRow(now) {
  const state = el("span");
  const prompt = el("span.prompt");
  const when = el("span.when");
  const about = el("span.about");
  const upstream = el("span.pill.busy", {}, "upstream");
  const fill = el("div.fill");
  const root = el(
    "div.row",
    {},
    el("div.first", {}, state, upstream, prompt, when),
    el("div.second", {}, about),
    el("div.bar", { "aria-hidden": "true" }, fill),
  );

  /** @param {Task} task */
  function tick(task) {
    const moment = now(task.tenant);
    fill.style.transform = `scaleX(${endless(task) ? 1 : progress(task, moment)})`;
    write(when, told(task, moment));
  }

  return {
    root,
    tick,
    update(task) {
      const given = task.request?.input ?? {};
      root.dataset.state = endless(task) ? "stuck" : task.state;
      dress(state, toneOf(task.state), stateText(task.state));
      set(upstream, "hidden", !isUpstream(task));
      write(prompt, String(given.prompt ?? "").slice(0, SHOWN_LETTERS));
      write(about, [task.id, given.mode, given.resolution, t("unit.s", { n: given.duration }), nameOf(task)].join(" · "));
      tick(task);
    },
  };
}

/**
 * Return what there is to say about a task's end.
 *
 * @param {Task} task
 * @param {number} now
 */
function told(task, now) {
  if (task.state === "failed") return task.failCode ?? "";
  if (task.state === "success") return t("task.took", { span: span(task.endTime - task.createTime) });
  if (endless(task)) return t("task.endless");
  return t("task.left", { span: span(task.endTime - now) });
}
