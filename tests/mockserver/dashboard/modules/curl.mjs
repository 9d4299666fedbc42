import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { curl, curlOf, quote } from "./page/curl.js";

// What a shell makes of a command in which `curl` prints its arguments.
const args = (command, key = "the key") => {
  const script = `curl() { printf '%s\\0' "$@"; }; ${command}`;
  return execFileSync("sh", ["-c", script], { env: { API_KEY: key } }).toString().split("\0").slice(0, -1);
};

const HOSTILE = ["it's", "$(touch x)", "`id`", "a\nb", '"', "\\", "!!", "; rm -rf /", "&& x", "*", "城市 🌅", "-H", ""];

test("a shell reads back what was quoted", () => {
  for (const text of HOSTILE) assert.deepEqual(args(`curl ${quote(text)}`), [text]);
});

test("a command has method, URL, key and body as they were", () => {
  for (const prompt of HOSTILE) {
    const body = { input: { prompt } };
    const entry = { operation: "generateTask", method: "POST", target: `/x?${prompt}`, request: body };
    const made = args(curlOf(entry, "http://127.0.0.1:1"));
    assert.deepEqual(made.slice(0, 5), ["-X", "POST", `http://127.0.0.1:1/x?${prompt}`, "-H", "Authorization: Bearer the key"]);
    assert.deepEqual(JSON.parse(made.at(-1)), body);
  }
});

test("a callback goes to its receiver, without the key", () => {
  const entry = { operation: "callback", method: "POST", target: "http://localhost:3000/hook", request: {} };
  const command = curlOf(entry, "http://127.0.0.1:1");
  assert.ok(!command.includes("API_KEY"));
  assert.equal(args(command)[2], "http://localhost:3000/hook");
});

test("a GET is short", () => {
  assert.equal(curl({ method: "GET", url: "http://a/b", key: false }), "curl http://a/b");
});
