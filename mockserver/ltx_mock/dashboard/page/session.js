/** Keeps the store in step with the server: listens first, then loads the lists, and again when something was missed. */

import { Refused, ask, good, read } from "./api.js";
import { listen } from "./stream.js";

/** @typedef {import("./store.js").Store} Store */

const LOADED = ["tasks?limit=100000", "requests?limit=2000", "callbacks?limit=100000", "tenants?limit=5000"];
const RELOAD_MS = 300;

export class Session {
  /** @type {import("./stream.js").Told[] | null} What came while the lists are on their way; null when they are there. */
  #early = [];
  /** @type {ReturnType<typeof setTimeout> | null} */
  #reloading = null;
  /** Whether the lists could not be loaded and are wanted when the connection is back. */
  #owing = false;

  /**
   * @param {Store} store
   * @param {() => Promise<void>} askForToken Called when the server wants a token; done when there is one.
   */
  constructor(store, askForToken) {
    this.store = store;
    this.askForToken = askForToken;
  }

  /** Run for as long as the page is open. */
  async run() {
    for (;;) {
      try {
        await listen(
          async (headers, signal) => good(await ask("events", { headers, signal })),
          (told) => this.#take(told),
          (state) => this.#hear(state),
        );
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.status !== 401) {
          this.store.connect({ state: "closed", message: error.message });
          return;
        }
        await this.askForToken();
      }
    }
  }

  /** @param {"live" | "lost"} state */
  #hear(state) {
    this.store.connect({ state });
    if (state === "live" && this.#owing) this.#reload();
  }

  /** @param {import("./stream.js").Told} told */
  #take(told) {
    if (told.kind === "hello") this.store.connect({ version: told.data.version });
    const lost = told.kind === "tenant" && told.data.change === "closed";
    if (told.kind === "reset" && told.data.tenant === null && told.data.what === "world") this.store.look(null);
    if (lost || ["hello", "missed", "reset"].includes(told.kind)) {
      this.#reload();
    } else if (this.#early) {
      this.#early.push(told);
    } else {
      this.store.apply(told.kind, told.data);
    }
  }

  /** Load the lists, once for several reasons that come together. What comes meanwhile is applied after them. */
  #reload() {
    this.#early = [];
    if (this.#reloading !== null) return;
    const wait = this.store.library.length ? RELOAD_MS : 0;
    this.#reloading = setTimeout(async () => {
      this.#reloading = null;
      this.#owing = false;
      /** @type {import("./stream.js").Told[]} */
      const early = [];
      this.#early = early;
      try {
        await this.#load();
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof Refused)) throw error;
        this.#owing = true;
        return;
      }
      if (this.#early !== early) return; // there was a reason to begin anew
      this.#early = null;
      for (const told of early) this.store.apply(told.kind, told.data);
    }, wait);
  }

  async #load() {
    const lists = await Promise.all([...LOADED, "scenarios", "clock"].map(read));
    const [tasks, requests, callbacks, tenants, scenarios, clock] = lists;
    if (!this.store.library.length) {
      const [library, settings, version] = await Promise.all(["scenarios/library", "settings", "version"].map(read));
      this.store.library = library.scenarios;
      this.store.settings = settings;
      this.store.upstream = version.upstream ?? null;
      this.store.changed("library");
    }
    this.store.load({
      tasks: tasks.tasks,
      requests: requests.requests,
      deliveries: callbacks.callbacks,
      worlds: tenants.tenants,
      armed: scenarios.scenarios,
      clock,
    });
  }
}
