// Make a video with fetch: submit, poll as documented, download. Node 18 or newer, no packages.
//
//   APIXO_API_KEY=… node client.mjs PROMPT [OUTPUT.mp4]
//
// Environment: APIXO_BASE_URL (default https://api.apixo.ai/api/v1), APIXO_FIRST_POLL_SECONDS (60),
// APIXO_POLL_SECONDS (5), APIXO_GIVE_UP_SECONDS (900).
import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

const env = process.env;
const baseUrl = (env.APIXO_BASE_URL ?? "https://api.apixo.ai/api/v1").replace(/\/+$/, "");
const firstPoll = Number(env.APIXO_FIRST_POLL_SECONDS ?? 60) * 1000;
const nextPoll = Number(env.APIXO_POLL_SECONDS ?? 5) * 1000;
const giveUp = Number(env.APIXO_GIVE_UP_SECONDS ?? 900) * 1000;
const TRIES = 5;

class VideoError extends Error {}

const passing = (status) => status === 429 || status >= 500;

/** Fetch, and fetch again, later each time, while `again` says so: of a status, or of 0 for a broken connection. */
async function patiently(url, options, again) {
  for (let attempt = 0; ; attempt++) {
    let answer, problem;
    try {
      answer = await fetch(url, { signal: AbortSignal.timeout(60_000), ...options });
    } catch (error) {
      problem = error.cause?.message ?? error.message;
    }
    if (attempt + 1 >= TRIES || !again(answer?.status ?? 0)) {
      if (answer) return answer;
      throw new VideoError(`${url}: ${problem}`);
    }
    const asked = Number(answer?.headers.get("retry-after") ?? NaN);
    await sleep(Number.isFinite(asked) ? asked * 1000 : 1000 * 2 ** attempt);
  }
}

/** Call the API and return `data`; 400 and 401 will not get better by asking again. */
async function call(path, options, again) {
  const headers = { Authorization: `Bearer ${env.APIXO_API_KEY}`, ...options.headers };
  const answer = await patiently(`${baseUrl}/${path}`, { ...options, headers }, again);
  const text = await answer.text();
  let envelope = {};
  try {
    envelope = JSON.parse(text);
  } catch {
    // A proxy on the way may answer something that is no JSON.
  }
  if (answer.status !== 200) throw new VideoError(`HTTP ${answer.status}: ${envelope.message ?? text.slice(0, 200)}`);
  return envelope.data;
}

/** A task costs money and there is no idempotency key: after a broken connection it is not submitted again. */
async function submit(request) {
  const options = { method: "POST", body: JSON.stringify(request), headers: { "Content-Type": "application/json" } };
  const { taskId } = await call("generateTask/ltx-2-19b", options, (status) => status === 429);
  return taskId;
}

async function waitFor(taskId) {
  const path = `statusTask/ltx-2-19b?taskId=${encodeURIComponent(taskId)}`;
  const end = Date.now() + giveUp;
  for (let pause = firstPoll; Date.now() + pause < end; pause = nextPoll) {
    await sleep(pause);
    const task = await call(path, {}, (status) => status === 0 || passing(status));
    if (task.state === "success") return task;
    if (task.state === "failed") throw new VideoError(`${taskId} failed: ${task.failCode}: ${task.failMsg}`);
    // pending, processing, or a state that is yet to be invented
  }
  throw new VideoError(`${taskId} is not finished after ${giveUp / 1000} s`);
}

/** Fetch the file whole or not at all. Result URLs work for 15 days: keep the file, not the URL. No key is sent. */
async function download(url, output) {
  const answer = await patiently(url, {}, (status) => status === 0 || passing(status));
  if (answer.status !== 200) throw new VideoError(`cannot download ${url}: HTTP ${answer.status}`);
  await pipeline(Readable.fromWeb(answer.body), createWriteStream(`${output}.part`));
  await rename(`${output}.part`, output);
}

const [prompt, output = "video.mp4"] = process.argv.slice(2);
if (!prompt || !env.APIXO_API_KEY) {
  console.error("usage: APIXO_API_KEY=… node client.mjs PROMPT [OUTPUT.mp4]");
  process.exit(2);
}
try {
  const taskId = await submit({ input: { mode: "text-to-video", prompt, resolution: "480p", duration: 5 } });
  console.error(`${taskId} submitted`);
  const task = await waitFor(taskId);
  await download(JSON.parse(task.resultJson).resultUrls[0], output); // resultJson is JSON inside a string
  console.log(output);
} catch (error) {
  console.error(error instanceof VideoError ? error.message : error);
  process.exit(1);
}
