import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { TEXTS } from "./page/texts.js";

globalThis.document = { documentElement: { lang: "en" } };
const { t } = await import("./page/i18n.js");

const PAGE = new URL("./page/", import.meta.url);
const sources = readdirSync(PAGE).filter((name) => /\.(js|html)$/.test(name) && name !== "texts.js");
const source = sources.map((name) => readFileSync(new URL(name, PAGE), "utf-8")).join("\n");
const { en, zh } = TEXTS;
const ofThePage = Object.keys(zh).filter((key) => !key.startsWith("scenario."));
const holes = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

test("both languages have the same texts, with the same holes", () => {
  assert.deepEqual(ofThePage, Object.keys(en));
  for (const key of ofThePage) {
    assert.deepEqual(holes(zh[key]), holes(en[key]), key);
    assert.ok(en[key].trim() && zh[key].trim(), key);
  }
});

test("every text that is asked for is there", () => {
  const asked = [...source.matchAll(/\bt\(\s*"([^"]+)"|data-(?:text|label|hint|tip)="([^"]+)"/g)].map(([, one, two]) => one ?? two);
  assert.ok(asked.length > 80);
  assert.deepEqual(asked.filter((key) => !(key in en)), []);
});

test("every text that is there is asked for", () => {
  const family = (key) => key.replace(/\.one$/, "");
  const families = [...source.matchAll(/\bt(?:Or)?\(\s*`([^`$]*)\$\{[^}]*(?:\([^)]*\))?[^}]*\}([^`]*)`/g)].map(([, start, end]) => [start, end]);
  const quoted = new Set([...source.matchAll(/"([^"\s]+)"/g)].map(([, text]) => text));
  const isAsked = (key) =>
    quoted.has(key) || families.some(([start, end]) => key.startsWith(start) && key.endsWith(end));
  assert.deepEqual(Object.keys(en).map(family).filter((key) => !isAsked(key)), []);
});

test("what a text lacks is a question mark", () => {
  assert.equal(t("unit.s", { n: 1234.5 }), "1,234.5 s");
  assert.equal(t("unit.s", { n: "12" }), "12 s");
  for (const n of [undefined, null]) assert.equal(t("unit.s", { n }), "? s");
});
