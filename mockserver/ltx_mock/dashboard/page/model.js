/** The facts of the model and the schema of its requests, from the server: nothing of them stands in this page. */

import { ROOT, good } from "./api.js";

/**
 * @typedef {{requires: string[], recommends: string[], takes: string[]}} Mode
 * @typedef {{request_type?: string, callback_url?: string, input: Record<string, any>}} Body
 * @typedef {{
 *   id: string,
 *   modes: Record<string, Mode>,
 *   aspectRatios: string[],
 *   resolutions: Record<string, {sizes: Record<string, [number, number]>}>,
 *   result: {suffix: string},
 *   failCodes: Record<string, unknown>,
 *   examples: Record<string, Body>,
 * }} Model
 */

/** @param {string} path */
const load = async (path) => (await good(await fetch(`${ROOT}/__admin/${path}`, { cache: "no-cache" }))).text();
const [facts, schema] = await Promise.all(["model.json", "schemas/generate-request"].map(load));

/** @type {Model} What is as `schemas/model` describes it; its examples point at the sample files of this server. */
export const MODEL = JSON.parse(facts.replaceAll("{root}", ROOT));

/** @type {any} The JSON Schema of the body of generateTask. */
const REQUEST = JSON.parse(schema);

/**
 * Follow the reference of a schema, if it is one.
 *
 * @param {any} node
 * @returns {any}
 */
const resolved = (node) => (node.$ref ? { ...REQUEST.$defs[node.$ref.split("/").at(-1)], ...node } : node);

/** @type {Record<string, any>} The schemas of the fields of `input`, by name. */
export const FIELDS = Object.fromEntries(
  Object.entries(resolved(REQUEST.properties.input).properties).map(([name, node]) => {
    const field = resolved(node);
    return [name, field.items ? { ...field, items: resolved(field.items) } : field];
  }),
);

/** @type {string[]} The fields of `input` that every mode needs. */
export const REQUIRED = resolved(REQUEST.properties.input).required;

/** @type {Body} The simplest example. */
export const SIMPLEST = Object.values(MODEL.examples)[0];

/** Where tasks are submitted. */
export const GENERATE = `${ROOT}/api/v1/generateTask/${MODEL.id}`;

/** @param {string} taskId */
export const statusUrl = (taskId) => `${ROOT}/api/v1/statusTask/${MODEL.id}?taskId=${encodeURIComponent(taskId)}`;

/**
 * Tell whether a field of `input` has an effect in a mode.
 *
 * @param {string} mode
 * @param {string} name
 */
export const takes = (mode, name) =>
  !Object.values(MODEL.modes).some((each) => each.takes.includes(name)) || Boolean(MODEL.modes[mode]?.takes.includes(name));

/**
 * Tell whether a video is taller than it is wide.
 *
 * @param {Record<string, any>} input
 */
export function isTall(input) {
  const [width, height] = MODEL.resolutions[input.resolution]?.sizes[input.aspect_ratio ?? MODEL.aspectRatios[0]] ?? [1, 1];
  return height > width;
}
