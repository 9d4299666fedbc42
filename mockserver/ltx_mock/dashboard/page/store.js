/** All that the page knows of the server. Views read it, and are told together, once a frame, what has changed. */

import { flows, nowOf, taskAt } from "./clocks.js";

/**
 * @typedef {import("./clocks.js").Clock} Clock
 * @typedef {import("./json-lines.js").Finding} Finding
 * @typedef {{id: string, tenant: string, key: string, number: number, state: string, createTime: number, processingTime: number,
 *   endTime: number, endState: string, failCode: string | null, failMsg: string | null, cause: string | null, causeKind?: string | null,
 *   nextTransition: number | null, timeline: {at: number, state: string}[], cost: number, seed: number, resultUrl: string | null, request: any}} Task
 * @typedef {{number: number, at: number, tenant: string, key: string, operation: string, method: string, target: string,
 *   status: number | null, taskId: string | null, state: string | null, findings: Finding[], cause: string | null, causeKind?: string | null,
 *   requestHeaders: Record<string, string>, headers: Record<string, string>, ended: number | null, latency: number | null, request: unknown, answer: unknown}} Entry
 * @typedef {{number: number, at: number, ended: number, status: number | null, error: string | null}} Attempt
 * @typedef {{id: string, tenant: string, key: string, taskId: string, url: string, target: string | null, state: string,
 *   due: number | null, reason: string | null, attempts: Attempt[]}} Delivery
 * @typedef {{tenant: string, key: string, clock: import("./clocks.js").Told, tasks: {made: number, active: number, limit: number},
 *   credits: {left: number | null, spent: number},
 *   requests: {inWindow: number, windowEnds: number | null, limit: string}}} World
 * @typedef {{name: string, tenant?: string | null, key?: string | null, operation: string | null, times: number | "forever", seen?: number,
 *   about?: string} & Record<string, any>} Scenario
 * @typedef {"tasks" | "requests" | "deliveries" | "worlds" | "clocks" | "armed" | "library" | "connection" | "scope" |
 *   "selection"} Topic
 * @typedef {{tasks: Task[], requests: Entry[], deliveries: Delivery[], worlds: World[], armed: Scenario[],
 *   clock: import("./clocks.js").Told}} Lists
 */

const MAX_REQUESTS = 5000;
const MAX_WAIT_MS = 3_600_000; // a browser's timer ends at once if it is to run for longer than some weeks

export class Store {
  /** @type {Map<string, Task>} The oldest first. */
  tasks = new Map();
  /** @type {Map<number, Entry>} The oldest first, and only the last of them. */
  requests = new Map();
  /** @type {Map<string, Delivery>} */
  deliveries = new Map();
  /** @type {Map<string, World>} */
  worlds = new Map();
  /** @type {Map<string | null, Clock>} By the id of the tenant; null for tenants to come. */
  clocks = new Map();
  /** @type {Map<string | null, Scenario[]>} The same for what is armed. */
  armed = new Map();
  /** @type {Scenario[]} Those that have a name. */
  library = [];
  /** @type {Record<string, any>} */
  settings = {};
  /** @type {string | null} The host of the API behind `ltx-mock proxy`; null for the fake. */
  upstream = null;
  /** @type {string | null} The id of the tenant that is looked at; null for all. */
  scope = null;
  /** @type {{state: "connecting" | "live" | "lost" | "closed", message: string, version: string}} */
  connection = { state: "connecting", message: "", version: "" };

  /** @type {Map<Topic, Set<() => void>>} */
  #listeners = new Map();
  /** @type {Set<Topic>} */
  #changed = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #nextTransition;

  /** @param {(task: Task) => void} onState Called when a task that was known has another state. */
  constructor(onState) {
    this.onState = onState;
  }

  /**
   * Have a view told after changes: once for all of a frame, so that a thousand events cost one drawing. While nobody
   * looks at the tab, nothing is drawn at all.
   *
   * @param {Topic[]} topics
   * @param {() => void} listener
   */
  on(topics, listener) {
    for (const topic of topics) {
      if (!this.#listeners.has(topic)) this.#listeners.set(topic, new Set());
      this.#listeners.get(topic)?.add(listener);
    }
  }

  /** @param {...Topic} topics */
  changed(...topics) {
    if (this.#changed.size === 0) requestAnimationFrame(() => this.#tell());
    for (const topic of topics) this.#changed.add(topic);
  }

  #tell() {
    if (this.#changed.has("tasks") || this.#changed.has("clocks")) this.#settle();
    const listeners = new Set([...this.#changed].flatMap((topic) => [...(this.#listeners.get(topic) ?? [])]));
    this.#changed.clear();
    for (const listener of listeners) listener();
  }

  /** Give each task the state that it has by now; where time passes by itself, wait for the next change. */
  #settle() {
    clearTimeout(this.#nextTransition);
    let wait = MAX_WAIT_MS;
    for (const task of this.tasks.values()) {
      if (task.nextTransition === null) continue;
      const clock = this.clockOf(task.tenant);
      const now = nowOf(clock);
      const current = taskAt(task, now);
      if (current !== task) {
        this.#takeTask(current);
        this.changed("worlds");
      }
      if (flows(clock) && current.nextTransition !== null) wait = Math.min(wait, (current.nextTransition - now) / clock.speed);
    }
    if (wait < MAX_WAIT_MS) this.#nextTransition = setTimeout(() => this.changed("tasks"), Math.ceil(wait));
  }

  /**
   * Take the lists of the server in place of what was known.
   *
   * @param {Lists} lists
   */
  load({ tasks, requests, deliveries, worlds, armed, clock }) {
    const inOrder = tasks.toSorted((one, two) => one.createTime - two.createTime || one.number - two.number);
    this.tasks = new Map(inOrder.map((task) => [task.id, task]));
    this.requests = new Map(requests.map((entry) => [entry.number, entry]));
    this.deliveries = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
    const before = this.worlds.get(this.scope ?? "");
    this.worlds = new Map(worlds.map((world) => [world.tenant, world]));
    this.clocks = new Map([[null, read(clock)]]);
    const after = this.worlds.get(this.scope ?? "");
    if (before && after && before.key !== after.key) this.look(null); // another server gave the id to another key
    for (const world of worlds) this.clocks.set(world.tenant, read(world.clock));
    this.armed = Map.groupBy(armed, (scenario) => scenario.tenant ?? null);
    this.changed("tasks", "requests", "deliveries", "worlds", "clocks", "armed");
  }

  /**
   * Take an event. It has the whole of what it is about, so the later one of two is right.
   *
   * @param {string} kind
   * @param {any} data
   */
  apply(kind, data) {
    if (kind === "task") this.#takeTask(data);
    else if (kind === "request") this.#takeRequest(data);
    else if (kind === "delivery") this.#takeDelivery(data);
    else if (kind === "tenant") this.#takeWorld(data);
    else if (kind === "clock") this.#takeClock(data.tenant, data);
    else if (kind === "scenario") {
      this.armed.set(data.tenant, data.scenarios);
      this.changed("armed");
    }
  }

  /** @param {Task} task */
  #takeTask(task) {
    const before = this.tasks.get(task.id);
    this.tasks.set(task.id, task);
    this.changed("tasks");
    if (before && before.state !== task.state) this.onState(task);
  }

  /** @param {Entry} entry */
  #takeRequest(entry) {
    this.requests.set(entry.number, entry);
    if (this.requests.size > MAX_REQUESTS) {
      const [oldest] = this.requests.keys();
      this.requests.delete(oldest);
    }
    this.changed("requests");
  }

  /** @param {Delivery} delivery */
  #takeDelivery(delivery) {
    this.deliveries.set(delivery.id, delivery);
    this.changed("deliveries");
  }

  /** @param {World} world */
  #takeWorld(world) {
    this.worlds.set(world.tenant, world);
    this.changed("worlds");
    this.#takeClock(world.tenant, world.clock);
  }

  /**
   * @param {string | null} tenant
   * @param {import("./clocks.js").Told} clock
   */
  #takeClock(tenant, clock) {
    this.clocks.set(tenant, read(clock));
    this.changed("clocks");
  }

  /** @param {string | null} tenant */
  look(tenant) {
    this.scope = tenant;
    this.changed("scope");
  }

  /** @param {string | null} tenant Return what a tenant is called: the end of its key, and its id. */
  nameOf(tenant) {
    const world = this.worlds.get(tenant ?? "");
    return world ? nameOf(world) : (tenant ?? "");
  }

  /** @param {Partial<Store["connection"]>} news */
  connect(news) {
    this.connection = { ...this.connection, ...news };
    this.changed("connection");
  }

  /**
   * Return the clock of a tenant.
   *
   * @param {string | null} tenant
   * @returns {Clock}
   */
  clockOf(tenant) {
    return this.clocks.get(tenant) ?? this.clocks.get(null) ?? { now: 0, mode: "manual", speed: 1, read: 0 };
  }

  /**
   * Return the time of a tenant.
   *
   * @param {string | null} tenant
   */
  now(tenant) {
    return nowOf(this.clockOf(tenant));
  }

  /**
   * Tell whether something of this tenant is looked at.
   *
   * @param {{tenant: string}} item
   */
  inScope(item) {
    return this.scope === null || item.tenant === this.scope;
  }

  /** Return the worlds that are looked at and have a key. */
  worldsInScope() {
    return [...this.worlds.values()].filter((world) => world.tenant !== NOBODY && this.inScope(world));
  }
}

/** The id of the tenant that has what was asked without a good key. */
export const NOBODY = "nobody";

/**
 * Return the id of the task that a request is about; a refused status has it in its target only.
 *
 * @param {{taskId: string | null, operation: string, target: string}} entry
 */
export const taskIdOf = ({ taskId, operation, target }) =>
  taskId ?? (operation === "statusTask" ? new URLSearchParams(target.split("?")[1]).get("taskId") : null);

/** @param {{tenant: string, key: string}} item Return whose it is, for people: keys may end alike, ids do not. */
export const nameOf = ({ tenant, key }) => `${key} (${tenant})`;

/**
 * @param {import("./clocks.js").Told} clock
 * @returns {Clock}
 */
const read = ({ now, mode, speed }) => ({ now, mode, speed, read: performance.now() });
