/** The journal as a file, for `ltx-mock check-trace` and other tools. */

import { ask, good } from "./api.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";
import { attempt } from "./trouble.js";

/** @param {import("./store.js").Store} store The journal of the tenant that is looked at is saved. */
export function exportButtons(store) {
  return ["ndjson", "har"].map((format) =>
    el("button.quiet", { type: "button", data: { focus: format }, on: { click: () => attempt(() => save(format, store.scope)) } },
      t("export", { format: format.toUpperCase() })));
}

/**
 * @param {string} format
 * @param {string | null} tenant
 */
async function save(format, tenant) {
  const picked = tenant === null ? "" : `&tenant=${encodeURIComponent(tenant)}`;
  const answer = await good(await ask(`requests?format=${format}${picked}`));
  const url = URL.createObjectURL(await answer.blob());
  el("a", { href: url, download: `ltx-mock.${format}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
