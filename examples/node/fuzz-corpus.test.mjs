// How a client takes every answer: a test that reads a corpus, with node:test. Node 18 or newer, no packages.
//
//   ltx-mock fuzz --kind responses --count 200 --out fuzz/responses
//   ltx-mock fuzz --kind drifted --count 200 --out fuzz/drifted
//   FUZZ_CORPUS=fuzz/responses:fuzz/drifted node --test fuzz-corpus.test.mjs
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";

/** What is tested: turn an envelope into what the rest of the app works with. */
function read(envelope) {
  if (envelope.code !== 200) {
    const passing = envelope.code === 429 || envelope.code >= 500;
    return { state: null, terminal: !passing, taskId: null, urls: [], failCode: null };
  }
  const { taskId, state, resultJson, failCode } = envelope.data;
  if (state === undefined) return { state: null, terminal: false, taskId, urls: [], failCode: null };
  if (state === "success") {
    return { state, terminal: true, taskId, urls: JSON.parse(resultJson).resultUrls, failCode: null };
  }
  if (state === "failed") return { state, terminal: true, taskId, urls: [], failCode };
  // pending, processing, or a state that is yet to be invented
  return { state: state === "pending" ? state : "processing", terminal: false, taskId, urls: [], failCode: null };
}

for (const folder of (process.env.FUZZ_CORPUS ?? "fuzz").split(delimiter)) {
  const load = (file) => JSON.parse(readFileSync(join(folder, file), "utf8"));
  for (const { file, rule } of load("index.json").cases) {
    test(`${rule} ${file}`, () => {
      const { response, client } = load(file);
      const { state, terminal, taskId, resultUrls: urls, failCode } = client;
      assert.deepEqual(read(response.body), { state, terminal, taskId, urls, failCode });
    });
  }
}
