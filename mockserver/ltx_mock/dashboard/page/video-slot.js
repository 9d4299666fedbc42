/** The video of a task, playing in place. It stays as it is while all around it is drawn anew. */

import { ROOT } from "./api.js";
import { el, refill, write } from "./dom.js";
import { t } from "./i18n.js";
import { MODEL, isTall } from "./model.js";
import { isUpstream } from "./pills.js";

/**
 * Return where the page finds the video of a task: not its own URL, since a scenario, and the journal, should see the
 * app's downloads only.
 *
 * @param {string} id
 */
export const videoUrl = (id) => `${ROOT}/__admin/dashboard/videos/${encodeURIComponent(id)}${MODEL.result.suffix}`;

export class VideoSlot {
  #id = "";

  constructor() {
    this.problem = el("p.bad", { role: "alert" });
    this.root = el("div.video", { hidden: true });
  }

  /** @param {import("./store.js").Task} task */
  show(task) {
    const id = task.state === "success" && !isUpstream(task) ? task.id : "";
    if (id === this.#id) return;
    this.#id = id;
    this.root.hidden = id === "";
    refill(this.root, ...(id ? [this.#player(task), this.problem] : []));
    write(this.problem, "");
  }

  /** @param {import("./store.js").Task} task */
  #player(task) {
    const source = videoUrl(task.id);
    const video = el("video", {
      src: source,
      controls: true,
      playsinline: true,
      loop: true,
      preload: "metadata",
      "aria-label": t("task.video"),
      data: { focus: "video" },
    });
    video.muted = true;
    if (isTall(task.request?.input ?? {})) video.classList.add("tall");
    video.addEventListener("error", async () => {
      const status = await fetch(source, { method: "HEAD" }).then((answer) => answer.status, () => 0);
      write(this.problem, status === 410 ? t("task.expired") : t("task.broken"));
    });
    return video;
  }
}
