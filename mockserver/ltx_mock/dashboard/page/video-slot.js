/** The video of a task, playing in place. It stays as it is while all around it is drawn anew. */

import { ROOT } from "./api.js";
import { el, refill, write } from "./dom.js";
import { t } from "./i18n.js";

export class VideoSlot {
  #id = "";

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.problem = el("p.bad", { role: "alert" });
    this.root = el("div.video", { hidden: true });
  }

  /** @param {import("./store.js").Task} task */
  show(task) {
    const id = task.state === "success" ? task.id : "";
    if (id === this.#id) return;
    this.#id = id;
    this.root.hidden = id === "";
    refill(this.root, ...(id ? [this.#player(task), this.problem] : []));
    write(this.problem, "");
  }

  /** @param {import("./store.js").Task} task */
  #player(task) {
    // Its own URL may be of another host, under which a client knows this server. The file is the same.
    const source = `${ROOT}/files/results/${encodeURIComponent(task.id)}.mp4`;
    const video = el("video", {
      src: source,
      controls: true,
      playsinline: true,
      loop: true,
      preload: this.#isSpoken(task) ? "none" : "metadata",
      "aria-label": t("task.video"),
      data: { focus: "video" },
    });
    video.muted = true;
    if (task.request?.input?.aspect_ratio === "9:16") video.classList.add("tall");
    video.addEventListener("error", async () => {
      const status = await fetch(source, { method: "HEAD" }).then((answer) => answer.status, () => 0);
      write(this.problem, status === 410 ? t("task.expired") : t("task.broken"));
    });
    return video;
  }

  /**
   * Tell whether a scenario waits for a download of this task: the app that is tested should meet it, not this page.
   *
   * @param {import("./store.js").Task} task
   */
  #isSpoken(task) {
    const armed = this.store.armed.get(task.key) ?? [];
    const ofDownloads = armed.some(
      (scenario) => scenario.operation === "download" || "cut" in scenario || "bytesPerSecond" in scenario,
    );
    return ofDownloads || String(task.request?.input?.prompt ?? "").includes("[[");
  }
}
