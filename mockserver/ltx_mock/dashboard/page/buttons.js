/** Buttons that several views have. */

import { el } from "./dom.js";
import { t } from "./i18n.js";
import { say } from "./speech.js";

const SHOWN_MS = 1500;

/**
 * Put a text on the clipboard.
 *
 * @param {string} text
 */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Over plain HTTP from another machine there is no such thing; the old way works there.
  const area = el("textarea.unseen", { readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/**
 * Return a button that copies what it is asked for when it is pressed.
 *
 * @param {string} label
 * @param {() => string} text
 * @param {string} [focus] A name under which it is found again when the view is drawn anew.
 */
export function copyButton(label, text, focus = "copy") {
  const button = el("button.quiet", { type: "button", data: { focus } }, label);
  button.addEventListener("click", async () => {
    await copy(text());
    button.textContent = t("copied");
    say(t("copied"));
    setTimeout(() => (button.textContent = label), SHOWN_MS);
  });
  return button;
}

/**
 * Return a command that can be copied.
 *
 * @param {string} command
 * @param {string} [focus]
 */
export function commandBox(command, focus = "command") {
  return el(
    "div.command",
    {},
    el("pre", { tabindex: 0, "aria-label": t("command"), lang: "en" }, command),
    copyButton(t("copy"), () => command, focus),
  );
}
