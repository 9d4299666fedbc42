import assert from "node:assert/strict";
import test from "node:test";
import { nextEvent, nowOf, progress, taskAt } from "./page/clocks.js";

const TASK = { id: "t", tenant: "k", state: "processing", createTime: 1000, endTime: 2000, endState: "success" };

test("a clock that flows goes on at its speed, one that stands does not, and none goes back", () => {
  assert.equal(nowOf({ now: 100, mode: "real", speed: 1, read: 50 }, 60), 110);
  assert.equal(nowOf({ now: 100, mode: "scaled", speed: 60, read: 50 }, 60), 700);
  assert.equal(nowOf({ now: 100, mode: "manual", speed: 60, read: 50 }, 60), 100);
  assert.equal(nowOf({ now: 100, mode: "real", speed: 1, read: 50 }, 40), 100);
});

test("a task has the last state of its timeline, and never an earlier one than the server gave", () => {
  const timeline = [{ at: 1100, state: "processing" }, { at: 2000, state: "failed" }];
  const made = { state: "pending", nextTransition: 1100, timeline };
  assert.equal(taskAt(made, 1099), made);
  assert.deepEqual(taskAt(made, 1100), { state: "processing", nextTransition: 2000, timeline });
  assert.deepEqual(taskAt(taskAt(made, 1100), 2000), { state: "failed", nextTransition: null, timeline });
  assert.deepEqual(taskAt(made, 9000), { state: "failed", nextTransition: null, timeline });
  const over = { state: "failed", nextTransition: null, timeline };
  assert.equal(taskAt(over, 0), over);
});

test("a task whose end is not known yet goes on", () => {
  const task = { state: "processing", nextTransition: 2000, timeline: [{ at: 1100, state: "processing" }] };
  assert.deepEqual(taskAt(task, 3000), { ...task, nextTransition: null });
});

test("progress is whole when the task is over, not before", () => {
  assert.equal(progress(TASK, 1500), 0.5);
  assert.equal(progress(TASK, 900), 0);
  assert.equal(progress(TASK, 9000), 0.99);
  assert.equal(progress({ ...TASK, state: "failed" }, 1500), 1);
});

test("the next event is the nearest to come, of tasks and callbacks, each by its own clock", () => {
  const now = (tenant) => ({ k: 1000, l: 5000 })[tenant];
  const tasks = [
    { id: "a", tenant: "k", nextTransition: 1400 },
    { id: "b", tenant: "l", nextTransition: 5300 },
    { id: "c", tenant: "k", nextTransition: null },
    { id: "d", tenant: "k", nextTransition: 900 },
  ];
  assert.deepEqual(nextEvent(tasks, [], now), { taskId: "b", wait: 300, kind: "state" });
  const due = [{ taskId: "e", tenant: "k", due: 1200 }, { taskId: "f", tenant: "k", due: null }];
  assert.deepEqual(nextEvent(tasks, due, now), { taskId: "e", wait: 200, kind: "callback" });
  assert.equal(nextEvent([], [], now), null);
});
