/** The fake's clocks, read now and then and carried on in between. Pure. */

/**
 * @typedef {{now: number, mode: string, speed: number}} Told What the server says of a clock.
 * @typedef {Told & {read: number}} Clock The same, with the moment of reading (`performance.now()`).
 */

/** @param {{mode: string}} clock Tell whether time passes by itself. */
export const flows = (clock) => clock.mode === "real" || clock.mode === "scaled";

/**
 * Return the virtual time of a clock.
 *
 * @param {Clock} clock
 * @param {number} [at] The moment of asking, as `performance.now()` has it.
 */
export const nowOf = (clock, at = performance.now()) =>
  flows(clock) ? clock.now + Math.max(0, at - clock.read) * clock.speed : clock.now;

/**
 * Return a task as it is at a moment, with the last state of its timeline and the time of the next. It never goes back.
 *
 * @template {{state: string, nextTransition: number | null, timeline: {at: number, state: string}[]}} T
 * @param {T} task
 * @param {number} now
 * @returns {T}
 */
export function taskAt(task, now) {
  if (task.nextTransition === null || now < task.nextTransition) return task;
  const past = task.timeline.filter(({ at }) => at <= now);
  const next = task.timeline[past.length]?.at ?? null;
  return { ...task, state: past.at(-1)?.state ?? task.state, nextTransition: next };
}

/**
 * Return how much of a task's life is over, from 0 to 1. It is whole only when the task is done.
 *
 * @param {{state: string, createTime: number, endTime: number, endState: string}} task
 * @param {number} now
 */
export function progress(task, now) {
  if (task.state === "success" || task.state === "failed") return 1;
  const share = (now - task.createTime) / Math.max(1, task.endTime - task.createTime);
  return Math.min(0.99, Math.max(0, share));
}

/** @param {{endState: string}} task Tell whether a task never ends. */
export const endless = (task) => task.endState === "processing";

/**
 * Return the next thing that will happen by itself: a change of a task's state, or a callback that falls due.
 *
 * @param {Iterable<{id: string, tenant: string, nextTransition: number | null}>} tasks
 * @param {Iterable<{taskId: string, tenant: string, due: number | null}>} deliveries
 * @param {(tenant: string) => number} now The time of a tenant.
 * @returns {{taskId: string, wait: number, kind: "state" | "callback"} | null}
 */
export function nextEvent(tasks, deliveries, now) {
  let best = null;
  for (const task of tasks) {
    if (task.nextTransition === null) continue;
    const wait = task.nextTransition - now(task.tenant);
    if (wait > 0 && (best === null || wait < best.wait)) {
      best = { taskId: task.id, wait, kind: /** @type {"state"} */ ("state") };
    }
  }
  for (const delivery of deliveries) {
    if (delivery.due === null) continue;
    const wait = delivery.due - now(delivery.tenant);
    if (wait > 0 && (best === null || wait < best.wait)) {
      best = { taskId: delivery.taskId, wait, kind: /** @type {"callback"} */ ("callback") };
    }
  }
  return best;
}
