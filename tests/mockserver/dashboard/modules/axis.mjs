import assert from "node:assert/strict";
import test from "node:test";
import { axisOf, ticksOf } from "./page/axis.js";

const TASK = {
  createTime: 1000,
  endTime: 51_000,
  endState: "success",
  timeline: [{ at: 2000, state: "processing" }, { at: 51_000, state: "success" }],
};
const near = (got, wanted) => assert.ok(Math.abs(got - wanted) < 1e-9, `${got} is not ${wanted}`);

test("sections are to scale and follow each other to the end of the line", () => {
  const { from, to, sections } = axisOf(TASK, [], 1000);
  assert.deepEqual(sections.map(({ state }) => state), ["pending", "processing", "success"]);
  near(sections[0].to, 1000 / (to - from));
  near(sections[1].to - sections[1].from, 49_000 / (to - from));
  assert.equal(sections[0].from, 0);
  assert.equal(sections[2].to, 1);
  sections.slice(1).forEach((section, index) => assert.equal(section.from, sections[index].to));
});

test("now is on the line while something happens, and beyond it long after the end", () => {
  near(axisOf(TASK, [], 26_000).now, 25_000 / 52_000);
  assert.ok(axisOf(TASK, [], 61_000).now < 1);
  assert.equal(axisOf(TASK, [], 3_600_000).now, null);
});

test("an endless task has now at the end of its line", () => {
  const axis = axisOf({ ...TASK, endState: "processing", timeline: [TASK.timeline[0]] }, [], 7_200_000);
  assert.ok(axis.now > 0.9 && axis.now < 1);
  assert.deepEqual(axis.sections.map(({ state }) => state), ["pending", "processing"]);
});

test("a callback to come makes the line longer", () => {
  assert.ok(axisOf(TASK, [{ kind: "coming", at: 171_000 }], 60_000).to > 171_000);
});

test("thousands of polls are few marks, and none is lost", () => {
  const polls = Array.from({ length: 5000 }, (_, index) => ({ kind: "poll", at: 1000 + index * 10 }));
  const { marks } = axisOf(TASK, [...polls, { kind: "fault", at: 30_000 }], 60_000);
  assert.ok(marks.length < 130);
  assert.equal(marks.reduce((sum, { count }) => sum + count, 0), 5001);
  assert.ok(marks.every(({ share }) => share >= 0 && share <= 1));
});

test("a line of any length has a few round ticks", () => {
  assert.deepEqual(ticksOf(52_000), [0, 15_000, 30_000, 45_000]);
  for (const length of [1, 999, 1000, 61_000, 5_000_000, 20 * 86_400_000, 400 * 86_400_000]) {
    assert.ok(ticksOf(length).length <= 6, String(length));
    assert.equal(ticksOf(length)[0], 0);
  }
});
