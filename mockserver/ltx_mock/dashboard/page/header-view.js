/** The top of the page: whether it is live, whose world is looked at, language and theme. */

import { ROOT } from "./api.js";
import { copyButton } from "./buttons.js";
import { byId, el, refill, set, write } from "./dom.js";
import { fill, language, speak, t } from "./i18n.js";
import { NOBODY } from "./store.js";
import { mountTheme, name as nameTheme } from "./theme.js";

const SHOWN_TENANTS = 500;

export class HeaderView {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.scope = byId("scope");
    this.connection = byId("connection");
    this.scope.addEventListener("change", () => store.look(this.scope.value || null));
    byId("language").addEventListener("click", () => speak(language() === "en" ? "zh" : "en"));
    mountTheme(byId("theme"));
    store.on(["worlds", "scope"], () => this.#drawScope());
    store.on(["connection"], () => this.#drawConnection());
    store.on(["library"], () => this.#drawUpstream());
  }

  /** Draw all texts. */
  speak() {
    fill(document);
    const other = language() === "en" ? "zh" : "en";
    write(byId("language"), other === "zh" ? "中文" : "English");
    set(byId("language"), "lang", other === "zh" ? "zh-CN" : "en");
    nameTheme(byId("theme"));
    write(byId("base-url"), `${ROOT}/api/v1`);
    const copy = copyButton(t("copy"), () => `${ROOT}/api/v1`);
    copy.id = "copy-base";
    byId("copy-base").replaceWith(copy);
    this.#drawScope();
    this.#drawConnection();
    this.#drawUpstream();
  }

  /** Behind a proxy tasks cost money, and there is nothing that makes them fail or time pass. */
  #drawUpstream() {
    const { upstream } = this.store;
    set(document.body, "data-upstream", upstream);
    set(byId("upstream"), "hidden", upstream === null);
    write(byId("upstream"), upstream === null ? "" : t("upstream.notice", { host: upstream }));
  }

  #drawScope() {
    const { store } = this;
    const tenants = [...store.worlds.keys()].filter((tenant) => tenant !== NOBODY).slice(-SHOWN_TENANTS);
    if (store.scope !== null && !tenants.includes(store.scope)) tenants.push(store.scope);
    const drawn = [language(), ...tenants].join(" ");
    if (this.scope.dataset.drawn !== drawn) {
      this.scope.dataset.drawn = drawn; // else an open list of choices would close while somebody reads it
      const options = tenants.map((tenant) => el("option", { value: tenant }, store.nameOf(tenant)));
      refill(this.scope, el("option", { value: "" }, t("key.all")), ...options);
    }
    this.scope.value = store.scope ?? "";
  }

  #drawConnection() {
    const { state, message, version } = this.store.connection;
    this.connection.dataset.state = state;
    write(this.connection, t(`connection.${state}`));
    set(byId("closed"), "hidden", state !== "closed");
    write(byId("closed"), message);
    write(byId("version"), version && `ltx-mock ${version}`);
  }
}
