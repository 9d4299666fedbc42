/** The page put together. */

import { keepToken } from "./api.js";
import { BillView } from "./bill-view.js";
import { CallbackDetail, callbackRow } from "./callback-views.js";
import { ClockView } from "./clock-view.js";
import { flows } from "./clocks.js";
import { byId, el, write } from "./dom.js";
import { noCallbacks, noRequests, noTasks } from "./empty-views.js";
import { exportButtons } from "./export.js";
import { FormView } from "./form-view.js";
import { HeaderView } from "./header-view.js";
import { onLanguage, t, tOr } from "./i18n.js";
import { LimitsView } from "./limits-view.js";
import { ListPanel } from "./list-panel.js";
import { callbackState, stateText } from "./pills.js";
import { RequestDetail } from "./request-detail.js";
import { requestRow } from "./request-row.js";
import { ScenariosView } from "./scenarios-view.js";
import { Session } from "./session.js";
import { say } from "./speech.js";
import { Store, nameOf, taskIdOf } from "./store.js";
import { FAILING, SummaryView } from "./summary-view.js";
import { Tabs } from "./tabs.js";
import { TaskDetail } from "./task-detail.js";
import { taskRow } from "./task-row.js";

const TICK_MS = 250;
const OPERATIONS = ["generateTask", "statusTask", "balance", "callback", "other"];
const TASK_STATES = ["pending", "processing", "success", "failed"];

const store = new Store((task) => {
  if (own.has(task.id) || panels.tasks.list.selected === task.id) say(`${task.id}: ${stateText(task.state)}`);
});
const now = (/** @type {string} */ tenant) => store.now(tenant);
/** A key for commands to be copied. */
const sampleKey = () => (store.settings.api_key?.length ? "$API_KEY" : "any-key");

/** Ids of the tasks that were submitted here: only of these, and of the one that is looked at, is anything said. */
const own = new Set();

const ways = {
  openTask(/** @type {string} */ id) {
    own.add(id);
    tabs.choose("tasks");
    if (!store.tasks.has(id)) panels.tasks.list.selected = id; // its event is on the way
    panels.tasks.open(id);
  },
  openRequest(/** @type {number} */ number) {
    tabs.choose("requests");
    panels.requests.open(String(number));
  },
  openDelivery(/** @type {string} */ id) {
    tabs.choose("callbacks");
    panels.callbacks.open(id);
  },
  openWrong() {
    const asked = [...store.requests.values()].filter((entry) => entry.operation === "generateTask");
    const last = asked.at(-1);
    if (last) ways.openRequest(last.number);
  },
};

/**
 * A filter of a list: a choice, and a text to be looked for.
 *
 * @param {string} name
 * @param {string[]} choices
 * @param {(choice: string) => string} textOf
 */
function filterOf(name, choices, textOf) {
  const choice = el("select", { data: { focus: "choice" } });
  const text = el("input", { type: "search", autocomplete: "off", data: { focus: "search" } });
  const changed = () => {
    summary.mark(name, choice.value);
    draw(/** @type {keyof typeof panels} */ (name));
  };
  choice.addEventListener("change", changed);
  text.addEventListener("input", changed);
  return {
    wants: (/** @type {string[]} */ told, /** @type {...string} */ ...groups) =>
      (choice.value === "" || groups.includes(choice.value)) &&
      (text.value === "" || told.join(" ").toLowerCase().includes(text.value.toLowerCase())),
    /** @param {string} value */
    choose(value) {
      choice.value = value;
      changed();
    },
    tools() {
      const { value } = choice;
      const options = choices.map((each) => el("option", { value: each }, textOf(each)));
      choice.replaceChildren(el("option", { value: "" }, t("filter.all")), ...options);
      choice.value = value;
      choice.setAttribute("aria-label", t("filter.state"));
      text.setAttribute("aria-label", t("filter.text"));
      text.setAttribute("placeholder", t("filter.text"));
      return [choice, text];
    },
  };
}

const filters = {
  tasks: filterOf("tasks", TASK_STATES, stateText),
  requests: filterOf("requests", ["wrong", "errors", ...OPERATIONS], (each) => tOr(`filter.${each}`, each)),
  callbacks: filterOf("callbacks", ["failing", "scheduled", "retrying", "delivered", "failed", "withheld"], stateText),
};

/** @param {import("./store.js").Entry} entry */
const groupOf = (entry) => (entry.findings.length ? "wrong" : entry.status === 200 ? "" : "errors");

/** @param {import("./store.js").Delivery} delivery */
const callbackGroups = (delivery) => {
  const state = callbackState(delivery);
  return FAILING.includes(state) ? [state, "failing"] : [state];
};

/**
 * Return the prompt of a request, or of the task that it is about.
 *
 * @param {import("./store.js").Entry} entry
 */
const promptOf = (entry) => {
  const body = entry.operation === "generateTask" ? entry.request : store.tasks.get(taskIdOf(entry) ?? "")?.request;
  return String(/** @type {any} */ (body)?.input?.prompt ?? "");
};

const panels = {
  /** @type {ListPanel<import("./store.js").Task>} */
  tasks: new ListPanel({
    name: "tasks",
    rowHeight: 64,
    makeRow: () => taskRow(now),
    keyOf: (task) => task.id,
    items: () => [...store.tasks.values()].reverse().filter((task) =>
      store.inScope(task) && filters.tasks.wants([task.id, task.request?.input?.prompt, nameOf(task)], task.state)),
    some: () => store.tasks.size > 0,
    find: (id) => store.tasks.get(id),
    detail: new TaskDetail(store, ways),
    empty: () => noTasks(sampleKey()),
    tools: () => filters.tasks.tools(),
  }),
  /** @type {ListPanel<import("./store.js").Entry>} */
  requests: new ListPanel({
    name: "requests",
    rowHeight: 56,
    makeRow: () => requestRow(promptOf),
    keyOf: (entry) => String(entry.number),
    items: () => [...store.requests.values()].reverse().filter((entry) =>
      store.inScope(entry) &&
      filters.requests.wants([entry.operation, entry.target, entry.taskId ?? "", entry.cause ?? "", promptOf(entry), nameOf(entry)],
        groupOf(entry), entry.operation)),
    some: () => store.requests.size > 0,
    find: (number) => store.requests.get(Number(number)),
    detail: new RequestDetail(ways),
    empty: () => noRequests(sampleKey()),
    tools: () => [...filters.requests.tools(), ...exportButtons(store)],
  }),
  /** @type {ListPanel<import("./store.js").Delivery>} */
  callbacks: new ListPanel({
    name: "callbacks",
    rowHeight: 56,
    makeRow: () => callbackRow(now),
    keyOf: (delivery) => delivery.id,
    items: () => [...store.deliveries.values()].reverse().filter((delivery) =>
      store.inScope(delivery) && filters.callbacks.wants([delivery.taskId, delivery.url], ...callbackGroups(delivery))),
    some: () => store.deliveries.size > 0,
    find: (id) => store.deliveries.get(id),
    detail: new CallbackDetail(store, ways),
    empty: () => noCallbacks(sampleKey()),
    tools: () => filters.callbacks.tools(),
  }),
};

const tabs = new Tabs(Object.entries(panels).map(([name, { root }]) => ({ name, root })));
const header = new HeaderView(store);
const clock = new ClockView(store);
const scenarios = new ScenariosView(store);
const limits = new LimitsView(store);
const bill = new BillView(store, ways);
const summary = new SummaryView(store, (list, choice) => {
  tabs.choose(list);
  filters[/** @type {keyof typeof filters} */ (list)].choose(choice);
});
const form = new FormView(store, ways);

/** @param {keyof typeof panels} name */
const draw = (name) => tabs.count(name, panels[name].update());
store.on(["tasks", "scope"], () => draw("tasks"));
store.on(["requests", "scope"], () => draw("requests"));
store.on(["deliveries", "scope"], () => {
  draw("callbacks");
  warnOfCallbacks();
});
store.on(["library"], () => Object.values(panels).forEach((panel) => panel.speak()));

/** Say on the tab how many callbacks do not arrive, whatever the filter of the list. */
function warnOfCallbacks() {
  const states = [...store.deliveries.values()].filter((each) => store.inScope(each)).map(callbackState);
  const failing = states.filter((state) => state === "failed" || state === "retrying").length;
  const withheld = states.filter((state) => state === "withheld").length;
  const texts = [failing && t("callbacks.failing", { n: failing }), withheld && t("callbacks.withheld", { n: withheld })];
  tabs.warn("callbacks", failing ? "bad" : "warn", texts.filter(Boolean).join(", "));
}

function speak() {
  warnOfCallbacks();
  for (const view of [header, tabs, clock, scenarios, limits, bill, summary, form, ...Object.values(panels)]) view.speak();
}
onLanguage(speak);
speak();

/** Time that flows is shown four times a second; where it stands, nothing is drawn. */
function tick() {
  if (document.hidden || ![...store.clocks.values()].some(flows)) return;
  requestAnimationFrame(() => {
    clock.tick();
    limits.tick();
    const shown = panels[/** @type {keyof typeof panels} */ (tabs.chosen)];
    shown.tick();
  });
}
setInterval(tick, TICK_MS);
store.on(["clocks"], () => Object.values(panels).forEach((panel) => panel.tick()));

/** @returns {Promise<void>} */
function askForToken() {
  const dialog = byId("token");
  const input = byId("token-text");
  const tried = input.value !== "";
  input.value = "";
  write(byId("token-wrong"), tried ? t("token.wrong") : "");
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      keepToken(input.value);
      done();
    }, { once: true });
  });
}

new Session(store, askForToken).run();
