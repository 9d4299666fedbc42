// Types of openapi-typescript, requests of openapi-fetch.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.d.ts";

const client = createClient<paths>({
  baseUrl: process.env.BASE_URL!,
  headers: { authorization: `Bearer ${process.env.API_KEY}` },
});
const body: components["schemas"]["GenerateRequest"] = {
  input: { mode: "image-to-video", prompt: "a calm sea", resolution: "720p", duration: 5, image_urls: ["https://a.example/b.jpg"] },
};
// @ts-expect-error an image-to-video mode takes no aspect_ratio
const refused: components["schemas"]["ImageToVideoInput"] = { ...body.input, mode: "image-to-video", image_urls: [], aspect_ratio: "16:9" };

const states: string[] = [];
const made = await client.POST("/api/v1/generateTask/ltx-2-19b", { body });
const taskId = made.data!.data.taskId;
let task: components["schemas"]["Task"];
do {
  const answer = await client.GET("/api/v1/statusTask/ltx-2-19b", { params: { query: { taskId } } });
  task = answer.data!.data;
  states.push(task.state);
} while (task.state !== "failed" && states.length < 9);
const { error } = await client.GET("/api/v1/statusTask/ltx-2-19b", { params: { query: { taskId: "nobodys" } } });
console.log(JSON.stringify({ states, failCode: task.failCode, error: error?.code, refused: typeof refused }));
