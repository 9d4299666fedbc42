import assert from "node:assert/strict";
import test from "node:test";
import { lastMinute, scaled } from "./page/request-rate.js";

const entry = (at, more = {}) => ({ tenant: "t1", operation: "statusTask", at, ...more });

test("the requests of one key in the last minute are counted where they lie", () => {
  const entries = [entry(0), entry(1), entry(59_999), entry(60_000), entry(60_001), entry(60_000, { tenant: "t2" })];
  const parts = lastMinute([...entries, entry(60_000, { operation: "callback" })], "t1", 60_000);
  assert.equal(parts.length, 30);
  assert.deepEqual([parts[0], parts[29]], [1, 2]);
  assert.equal(parts.reduce((one, two) => one + two), 3);
});

test("the limit is drawn where it is near, for each unit of time", () => {
  const parts = [...Array(29).fill(0), 4];
  assert.deepEqual(scaled(parts, "60/minute"), { bars: [...Array(29).fill(0), 1], line: 0.5 });
  assert.equal(scaled(parts, "3/second").line, 1);
  assert.equal(scaled(parts, "10000/minute").line, null);
  assert.equal(scaled(Array(30).fill(0), "10000/minute").bars[0], 0);
});
