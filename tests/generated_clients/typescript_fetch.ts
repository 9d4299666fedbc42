// A client of openapi-generator's typescript-fetch.
import { Configuration, ResponseError, VideoApi, type Task } from "./client";

const api = new VideoApi(new Configuration({ basePath: process.env.BASE_URL!, accessToken: process.env.API_KEY! }));
const states: string[] = [];
const made = await api.generateTask({
  generateRequest: { input: { mode: "text-to-video-LoRA", prompt: "a calm sea", resolution: "480p", duration: 5 } },
});
const { taskId } = made.data;
let task: Task;
do {
  task = (await api.statusTask({ taskId })).data;
  states.push(task.state);
} while (task.state !== "failed" && states.length < 9);
const error = await api.statusTask({ taskId: "nobodys" }).then(
  () => 200,
  async (problem: ResponseError) => ((await problem.response.json()) as { code: number }).code,
);
console.log(JSON.stringify({ states, failCode: task.failCode, error }));
