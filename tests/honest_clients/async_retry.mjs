// An honest client in another style: Node's fetch, with the retry library `async-retry`. It prints the URL.
import { createRequire } from 'node:module';

const retry = createRequire(`${process.env.RETRY_MODULES}/`)('async-retry');
const base = process.env.APIXO_BASE_URL;
const scale = Number(process.env.APIXO_TIME_SCALE ?? 1);
const headers = { authorization: `Bearer ${process.env.APIXO_API_KEY}`, 'content-type': 'application/json' };
const waits = { retries: 5, factor: 2, minTimeout: 1000 / scale, maxTimeout: 60000 / scale, randomize: false };
const pause = (seconds) => new Promise((done) => setTimeout(done, (seconds * 1000) / scale));

async function ask(path, body) {
  return retry(async (bail) => {
    let response;
    try {
      const method = body ? 'POST' : 'GET';
      response = await fetch(base + path, { method, headers, body, signal: AbortSignal.timeout(45000) });
    } catch (error) {
      if (body) return bail(new Error(`the task may have been made: ${error.message}`));
      throw error;
    }
    if (response.ok) return (await response.json()).data;
    const problem = new Error(`HTTP ${response.status}: ${await response.text()}`);
    const passing = response.status === 429 || (!body && response.status >= 500);
    if (!passing) return bail(problem);
    await pause(Number(response.headers.get('retry-after')) || 0);
    throw problem;
  }, waits);
}

const input = { mode: 'text-to-video', prompt: 'a calm sea', resolution: '1080p', duration: 5, aspect_ratio: '9:16' };
try {
  const { taskId } = await ask('/generateTask/ltx-2-19b', JSON.stringify({ input }));
  await pause(60);
  for (let poll = 0; ; poll += 1) {
    if (poll === 180) throw new Error('the task does not end');
    const status = await ask(`/statusTask/ltx-2-19b?taskId=${encodeURIComponent(taskId)}`);
    if (status.state === 'failed') throw new Error(`failed: ${status.failCode}`);
    if (status.state === 'success') {
      const [url] = JSON.parse(status.resultJson).resultUrls;
      if (!url) throw new Error('there is no result');
      console.log(url);
      break;
    }
    await pause(5);
  }
} catch (error) {
  console.error(`no video: ${error.message}`);
  process.exitCode = 1;
}
