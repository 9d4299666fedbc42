/** The counters of tenants, carried on with the tasks that end. Pure. */

/** @typedef {import("./store.js").World} World */

/**
 * Return the counters of tenants after the tasks that have ended since they were read.
 *
 * @param {World[]} worlds
 * @param {Iterable<import("./store.js").Task>} tasks
 */
export function countersAfter(worlds, tasks) {
  const counters = new Map(worlds.map((world) =>
    [world.tenant, { ...world, tasks: { ...world.tasks }, credits: { ...world.credits } }]));
  for (const { tenant, state, createTime, endTime, cost } of tasks) {
    const world = counters.get(tenant);
    const isOver = state === "success" || state === "failed";
    if (!world || !isOver || createTime > world.clock.now || endTime <= world.clock.now) continue;
    world.tasks.active = Math.max(0, world.tasks.active - 1);
    if (state === "success") continue;
    world.credits.spent -= cost;
    if (world.credits.left !== null) world.credits.left += cost;
  }
  return [...counters.values()];
}
