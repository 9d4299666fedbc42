/** Light, dark, or as the system has it. */

import { t } from "./i18n.js";

const THEMES = ["auto", "light", "dark"];
const KEY = "ltx-mock.theme";

const chosen = () => document.documentElement.dataset.theme ?? "auto";

/** @param {HTMLButtonElement} button Each press takes the next theme. */
export function mountTheme(button) {
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length];
    if (next === "auto") {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem(KEY);
    } else {
      document.documentElement.dataset.theme = next;
      localStorage.setItem(KEY, next);
    }
    name(button);
  });
}

/** @param {HTMLButtonElement} button */
export function name(button) {
  button.textContent = t("theme.label", { name: t(`theme.${chosen()}`) });
}
