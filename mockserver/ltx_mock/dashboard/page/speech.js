/** What is said to those who do not see the page change: a few words, never a flood. */

import { byId } from "./dom.js";

const PAUSE_MS = 800;

/** @type {string[]} */
let waiting = [];
let busy = false;

/** @param {string} text */
export function say(text) {
  waiting = [...waiting.slice(-2), text];
  if (!busy) speak();
}

function speak() {
  busy = waiting.length > 0;
  if (!busy) return;
  byId("spoken").textContent = waiting.join(". ");
  waiting = [];
  setTimeout(speak, PAUSE_MS);
}
