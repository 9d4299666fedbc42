import assert from "node:assert/strict";
import test from "node:test";
import { lines } from "./page/json-lines.js";

const at = (pointer) => ({ rule: "X-1", severity: "violation", pointer, got: "", allowed: "", message: pointer });
const text = (value) => lines(value).map(({ depth, parts }) => "  ".repeat(depth) + parts.map((part) => part.text).join(""));
const wrong = (value, ...pointers) =>
  lines(value, pointers.map(at)).filter(({ findings }) => findings.length).map(({ parts }) => parts.map((part) => part.text).join(""));

test("it reads as JSON.stringify writes it", () => {
  for (const value of [{}, [], { a: [1, { b: null }, []], "c\n": "é\u2028" }, "x", 5, true, null, [[[{}]]]]) {
    assert.equal(text(value).join("\n"), JSON.stringify(value, null, 2));
  }
});

test("a finding lies at its place", () => {
  const body = { input: { duration: 25, loras: [{ path: "p" }, { path: "q" }] }, "a/b": { "c~d": 1 } };
  assert.deepEqual(wrong(body, "/input/duration"), ['"duration": 25,']);
  assert.deepEqual(wrong(body, "/input/loras/1/path"), ['"path": "q"']);
  assert.deepEqual(wrong(body, "/input/loras"), ['"loras": [']);
  assert.deepEqual(wrong(body, "/a~1b/c~0d"), ['"c~d": 1']);
});

test("what is missing is told at what should have it", () => {
  assert.deepEqual(wrong({ input: { mode: "x" } }, "/input/prompt"), ['"input": {']);
  assert.deepEqual(wrong({ input: {} }, "/input/loras/0/path"), ['"input": {}']);
  assert.deepEqual(wrong({}, "/input", ""), ["{}"]);
});

test("deep and long values have an end", () => {
  let deep = 1;
  for (let depth = 0; depth < 5000; depth++) deep = [deep];
  assert.ok(lines(deep).length < 200);
  const long = lines(Array.from({ length: 100_000 }, (_, index) => index));
  assert.ok(long.length < 2100);
  assert.equal(long.at(-1).cut, true);
});
