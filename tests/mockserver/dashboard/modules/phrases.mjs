import assert from "node:assert/strict";
import test from "node:test";
import { causeInChinese, findingInChinese } from "./page/phrases.js";

test("a cause is put together of what is known, and the rest stays", () => {
  assert.equal(causeInChinese("rate limit (LIM-1)"), "请求频率超限 (LIM-1)");
  assert.equal(causeInChinese("scenario lost-answer: CONNECTION_RESET_BY_PEER, after processing"),
    "场景 lost-answer：CONNECTION_RESET_BY_PEER，在处理之后");
  assert.equal(causeInChinese("finished by hand; scenario slow: 20 ms late"), "手动结束；场景 slow：晚 20 毫秒");
  assert.equal(causeInChinese("from api.example: no response: ReadError"), "来自 api.example：没有应答：ReadError");
  assert.equal(causeInChinese("something new"), null);
});

test("a finding says what is wrong, what is right and what was probably meant", () => {
  const finding = { rule: "GEN-9", severity: "violation", pointer: "/input/loras/0/path", got: "7", allowed: "a number", message: "" };
  assert.equal(findingInChinese(finding), "input.loras[0].path 必须是数字，实际为 7");
  assert.equal(findingInChinese({ ...finding, got: "nothing" }), "缺少 input.loras[0].path，必须是数字");
  assert.equal(findingInChinese({ ...finding, message: 'x must be "a" or "b", but is "c"; did you mean "a"?', allowed: '"a" or "b"' }),
    'input.loras[0].path 必须是"a" 或 "b"，实际为 7；是否想用 "a"？');
  assert.equal(findingInChinese({ ...finding, allowed: "something new" }), null);
});
