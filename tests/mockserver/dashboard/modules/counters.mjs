import assert from "node:assert/strict";
import test from "node:test";
import { countersAfter } from "./page/counters.js";

const WORLD = {
  tenant: "k",
  clock: { now: 1000 },
  tasks: { made: 4, active: 3, limit: 9 },
  credits: { left: 70, spent: 30 },
};
const TASK = { tenant: "k", state: "success", createTime: 900, endTime: 1500, cost: 10 };

test("tasks that end after the counters were read free their slots, and failed ones refund their credits", () => {
  const [after] = countersAfter([WORLD], [TASK, { ...TASK, state: "failed" }, { ...TASK, state: "processing" }]);
  assert.deepEqual(after.tasks, { made: 4, active: 1, limit: 9 });
  assert.deepEqual(after.credits, { left: 80, spent: 20 });
  assert.equal(WORLD.tasks.active, 3);
});

test("tasks that the counters already have, or do not have yet, and those of others change nothing", () => {
  const tasks = [{ ...TASK, endTime: 1000 }, { ...TASK, createTime: 1001 }, { ...TASK, tenant: "l" }];
  assert.deepEqual(countersAfter([WORLD], tasks), [WORLD]);
  assert.equal(countersAfter([{ ...WORLD, credits: { left: null, spent: 30 } }], [{ ...TASK, state: "failed" }])[0].credits.left, null);
});
