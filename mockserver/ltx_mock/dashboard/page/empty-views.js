/** What is shown where there is nothing yet: what to do, with the command filled in. */

import { commandBox } from "./buttons.js";
import { curl } from "./curl.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";
import { GENERATE, SIMPLEST, statusUrl } from "./model.js";

/**
 * @param {string} name
 * @param {string} command
 */
const empty = (name, command) =>
  el("div", {}, el("h3", {}, t(`${name}.empty`)), el("p", {}, t(`${name}.empty.do`)), commandBox(command, name));

/** @param {string} key A key that the server takes. */
const generate = (key, body = {}) =>
  curl({ method: "POST", url: GENERATE, body: { ...body, ...SIMPLEST } }).replace("$API_KEY", key);

/** @param {string} key */
export const noTasks = (key) => empty("tasks", generate(key));

/** @param {string} key */
export const noRequests = (key) =>
  empty("requests", curl({ method: "GET", url: statusUrl("task_1") }).replace("$API_KEY", key));

/** @param {string} key */
export const noCallbacks = (key) =>
  empty("callbacks", generate(key, { request_type: "callback", callback_url: "http://127.0.0.1:3000/callback" }));
