// Receive callbacks with nothing but node:http.
//
//   node callback-receiver.mjs [PORT]        default 3000; 0 takes a free port
//
// Give http://localhost:3000/callback as callback_url. Each finished task is printed as one line.
import { createServer } from "node:http";

const MAX_BYTES = 1024 * 1024;
const seen = new Set(); // a real application asks its database

/** Answer at once and work afterwards: after 30 s without a 200 the callback is sent again. */
const server = createServer(async (request, response) => {
  const answer = (status) => response.writeHead(status, { "Content-Length": 0 }).end();
  if (request.method !== "POST" || request.url !== "/callback") return answer(404);
  let task;
  try {
    task = JSON.parse(await read(request)).data;
    if (!task.taskId || !task.state) throw new Error("no task");
  } catch {
    return answer(400);
  }
  answer(200); // nothing but 200 counts
  setImmediate(once, task);
});

async function read(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error("too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The same callback may come twice, and they come in any order. */
function once(task) {
  if (seen.has(task.taskId)) return;
  seen.add(task.taskId);
  handle(task);
}

/** Put your own work here: download the file (it is kept for 15 days), tell the user. */
function handle(task) {
  if (task.state === "success") {
    console.log(`${task.taskId} success ${JSON.parse(task.resultJson).resultUrls[0]}`); // JSON inside a string
  } else {
    console.log(`${task.taskId} ${task.state} ${task.failCode}: ${task.failMsg}`);
  }
}

server.listen(Number(process.argv[2] ?? 3000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/callback`);
});
