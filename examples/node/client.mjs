// Make a video with fetch, as one would in production: submit, wait as documented, download. Node 18, no packages.
//
//   APIXO_API_KEY=… node client.mjs PROMPT [OUTPUT.mp4]
//
// Environment, with defaults: APIXO_BASE_URL (https://api.apixo.ai/api/v1), APIXO_FIRST_POLL_SECONDS (60),
// APIXO_POLL_SECONDS (5), APIXO_GIVE_UP_SECONDS (900), APIXO_CALLBACK_URL (none: where to listen for a callback; it
// polls if none comes in APIXO_CALLBACK_SECONDS, 240), APIXO_TIME_SCALE (1: what all waits are divided by, for tests).
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

const env = process.env;
const baseUrl = (env.APIXO_BASE_URL ?? "https://api.apixo.ai/api/v1").replace(/\/+$/, "");
const callbackUrl = env.APIXO_CALLBACK_URL ? new URL(env.APIXO_CALLBACK_URL) : null;
const firstPoll = Number(env.APIXO_FIRST_POLL_SECONDS ?? 60) * 1000;
const nextPoll = Number(env.APIXO_POLL_SECONDS ?? 5) * 1000;
const forCallback = Number(env.APIXO_CALLBACK_SECONDS ?? 240) * 1000;
const giveUp = Number(env.APIXO_GIVE_UP_SECONDS ?? 900) * 1000;
const scale = Number(env.APIXO_TIME_SCALE ?? 1);
const httpTimeout = Math.max(60_000 / scale, 1000); // a network does not get faster
const TRIES = 5;

/** There is no video; the text says why. */
class VideoError extends Error {}

/** It did not work this time; later it may. */
class PassingError extends Error {
  constructor(problem, retryAfter) {
    super(problem);
    this.retryAfter = Number(retryAfter) || 0;
  }
}

/** Do something, and again while it fails in a way that may pass, each time twice as long after the last. */
async function patiently(work) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PassingError)) throw error;
      if (attempt + 1 >= TRIES) throw new VideoError(`${error.message} (tried ${TRIES} times)`);
      await sleep((error.retryAfter * 1000 + 2000 * 2 ** attempt) / scale);
    }
  }
}

/** What an answer stands for: 429 and 5xx may pass, 400 and 401 do not get better by waiting. */
function refusal(status, text, headers) {
  let message = text.slice(0, 200); // a proxy on the way may answer something that is no JSON
  try {
    message = JSON.parse(text).message;
  } catch {}
  const problem = `HTTP ${status}: ${message}`;
  if (status === 429 || status >= 500) return new PassingError(problem, headers.get("Retry-After"));
  return new VideoError(problem);
}

const reason = (error) => error.cause?.message ?? error.message;

/** Call the API. Returns the answer's status, headers and text, once all of it is there. */
async function call(path, options = {}) {
  const headers = { Authorization: `Bearer ${env.APIXO_API_KEY}`, ...options.headers };
  const answer = await fetch(`${baseUrl}/${path}`, { ...options, headers, signal: AbortSignal.timeout(httpTimeout) });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** Return the id of a new task. Only 429 is tried again: a task costs money, and there is no idempotency key. */
async function submit(request) {
  const options = { method: "POST", body: JSON.stringify(request), headers: { "Content-Type": "application/json" } };
  const { status, headers, text } = await call("generateTask/ltx-2-19b", options).catch((error) => {
    throw new VideoError(`whether a task was made is not known: ${reason(error)}`);
  });
  if (status === 200) return JSON.parse(text).data.taskId;
  const error = refusal(status, text, headers);
  if (status >= 500) throw new VideoError(`whether a task was made is not known: ${error.message}`);
  throw error;
}

/** Return the task as it is now. */
async function statusOf(taskId) {
  const { status, headers, text } = await call(`statusTask/ltx-2-19b?taskId=${encodeURIComponent(taskId)}`).catch(
    (error) => {
      throw new PassingError(`no status of ${taskId}: ${reason(error)}`);
    },
  );
  if (status !== 200) throw refusal(status, text, headers);
  return JSON.parse(text).data;
}

/** Return the task when it has succeeded. It is told by a callback, or asked for: after 60 s, then every 5 s. */
async function waitFor(taskId) {
  const began = Date.now();
  let pause = callbackUrl ? forCallback : firstPoll;
  let waited = 0;
  while (waited + pause < giveUp) {
    const task = (await told(taskId, pause)) ?? (await patiently(() => statusOf(taskId)));
    if (task.state === "success") return task;
    if (task.state === "failed") throw new VideoError(`${taskId} failed: ${task.failCode}: ${task.failMsg}`);
    // pending, processing, or a state that is yet to be invented
    waited = Math.max(waited + pause, Date.now() - began);
    pause = nextPoll;
  }
  throw new VideoError(`${taskId} is not finished after ${giveUp / 1000} s`);
}

/** Fetch the file whole or not at all. Result URLs work for 15 days: keep the file, not the URL. No key is sent. */
async function download(url, output) {
  const part = `${output}.${process.pid}.part`; // clients that run at once may have one output
  const patience = new AbortController(); // ends a download in which nothing comes any more
  const timer = setTimeout(() => patience.abort(new Error("nothing comes any more")), httpTimeout);
  try {
    const answer = await fetch(url, { signal: patience.signal });
    if (answer.status !== 200) throw refusal(answer.status, await answer.text(), answer.headers);
    const body = Readable.fromWeb(answer.body);
    let size = 0;
    body.on("data", (chunk) => {
      size += chunk.length;
      timer.refresh();
    });
    await pipeline(body, createWriteStream(part));
    const length = answer.headers.get("Content-Length");
    const encoded = answer.headers.has("Content-Encoding"); // then the length is that of other bytes
    if (length !== null && !encoded && size !== Number(length)) throw new PassingError(`${url} is cut off`);
    await rename(part, output);
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof VideoError || error instanceof PassingError || error.syscall) throw error; // such as a full disk
    throw new PassingError(`cannot download ${url}: ${reason(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

// Finished tasks that callbacks have told of. They may come twice, in any order, and before the id is known.
const inbox = new Map(); // a real application has a database
const bells = new Map();

/** Wait until a task is told of, at most so long. The network gets a second for a callback, however short the waits. */
async function told(taskId, milliseconds) {
  const bell = new AbortController();
  bells.set(taskId, bell);
  const least = callbackUrl && milliseconds === forCallback ? 1000 : 0;
  if (!inbox.has(taskId)) {
    await sleep(Math.max(milliseconds / scale, least), null, { signal: bell.signal }).catch(() => {});
  }
  return inbox.get(taskId);
}

/** Take a callback. Answer at once and work afterwards: after 30 s without a 200 it is sent again. */
const receiver = createServer(async (request, response) => {
  const answer = (status) => response.writeHead(status, { "Content-Length": 0, Connection: "close" }).end();
  if (request.method !== "POST" || request.url !== callbackUrl.pathname) return answer(404);
  try {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const task = JSON.parse(Buffer.concat(chunks).toString("utf8")).data;
    if (!inbox.has(task.taskId)) inbox.set(task.taskId, task);
    bells.get(task.taskId)?.abort();
  } catch {
    return answer(400);
  }
  answer(200); // nothing but 200 counts; a task of somebody else does no harm
});

const [prompt, output = "video.mp4"] = process.argv.slice(2);
if (!prompt || !env.APIXO_API_KEY) {
  console.error("usage: APIXO_API_KEY=… node client.mjs PROMPT [OUTPUT.mp4]");
  process.exit(2);
}
const request = { input: { mode: "text-to-video", prompt, resolution: "480p", duration: 5 } };
if (callbackUrl) {
  Object.assign(request, { request_type: "callback", callback_url: callbackUrl.href });
  await new Promise((listening) => receiver.listen(callbackUrl.port || 80, callbackUrl.hostname, listening));
}
try {
  const taskId = await patiently(() => submit(request));
  console.error(`${taskId} submitted`);
  const task = await waitFor(taskId);
  const url = JSON.parse(task.resultJson).resultUrls[0]; // resultJson is JSON inside a string
  await patiently(() => download(url, output));
  console.log(output);
} catch (error) {
  console.error(error instanceof VideoError ? error.message : error);
  process.exitCode = 1;
} finally {
  receiver.close();
}
