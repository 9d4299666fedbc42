import assert from "node:assert/strict";
import test from "node:test";
import { EventParser } from "./page/stream.js";

const STREAM = 'retry: 1000\n\nid: 7\nevent: task\ndata: {"id":"a: b"}\n\n: still here\n\nid: 8\nevent: clock\ndata: {}\n\n';

test("a stream is the same events wherever its pieces end", () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const parser = new EventParser();
    const told = [];
    for (let at = 0; at < STREAM.length; at += size) told.push(...parser.feed(STREAM.slice(at, at + size)));
    assert.deepEqual(told, [
      { id: "7", kind: "task", data: { id: "a: b" } },
      { id: "8", kind: "clock", data: {} },
    ]);
  }
});

test("half an event is none", () => {
  assert.deepEqual(new EventParser().feed('id: 1\nevent: task\ndata: {"id"'), []);
});
