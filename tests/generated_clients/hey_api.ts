// A client of @hey-api/openapi-ts.
import { client } from "./client/client.gen";
import { generateTask, statusTask, type Task } from "./client";

client.setConfig({ baseUrl: process.env.BASE_URL!, auth: process.env.API_KEY! });
const states: string[] = [];
const made = await generateTask({
  body: { request_type: "async", input: { mode: "text-to-video", prompt: "a calm sea", resolution: "480p", duration: 5 } },
});
const taskId = made.data!.data.taskId;
let task: Task;
do {
  task = (await statusTask({ query: { taskId } })).data!.data;
  states.push(task.state);
} while (task.state !== "failed" && states.length < 9);
const { error } = await statusTask({ query: { taskId: "nobodys" } });
console.log(JSON.stringify({ states, failCode: task.failCode, error: error?.code }));
