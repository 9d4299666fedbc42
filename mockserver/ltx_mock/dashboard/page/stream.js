/**
 * Server-sent events, read by `fetch`: an `EventSource` can send no token. As that does, it comes back by itself after
 * a lost connection, and says which event it saw last.
 */

const RETRY_MS = 1000;
const SILENCE_MS = 45_000; // the server says something every 15 seconds

/** @typedef {{id: string, kind: string, data: any}} Told */

/** Takes a stream apart into events, wherever its pieces end. Pure. */
export class EventParser {
  #rest = "";

  /**
   * Take the next piece and return the events that are whole.
   *
   * @param {string} text
   * @returns {Told[]}
   */
  feed(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.map(parse).filter((told) => told !== null);
  }
}

/**
 * @param {string} block
 * @returns {Told | null}
 */
function parse(block) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return fields.data === undefined ? null : { id: fields.id, kind: fields.event, data: JSON.parse(fields.data) };
}

/**
 * Listen for ever.
 *
 * @param {(headers: Record<string, string>, signal: AbortSignal) => Promise<Response>} open Asks for the stream; what
 *   it throws other than a `TypeError` or `AbortError` of `fetch` ends the listening.
 * @param {(told: Told) => void} onEvent
 * @param {(state: "live" | "lost") => void} onState
 */
export async function listen(open, onEvent, onState) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "text/event-stream" };
  for (;;) {
    const abort = new AbortController();
    try {
      const response = await open(headers, abort.signal);
      if (!response.body) throw new TypeError("no stream");
      onState("live");
      for await (const told of events(response.body, abort)) {
        headers["Last-Event-ID"] = told.id;
        onEvent(told);
      }
    } catch (error) {
      if (!isLoss(error)) throw error;
    }
    onState("lost");
    await new Promise((done) => setTimeout(done, RETRY_MS));
  }
}

/** @param {unknown} error */
const isLoss = (error) => error instanceof TypeError || (error instanceof DOMException && error.name === "AbortError");

/**
 * @param {ReadableStream<Uint8Array>} body
 * @param {AbortController} abort
 */
async function* events(body, abort) {
  const parser = new EventParser();
  const reader = body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const alarm = setTimeout(() => abort.abort(), SILENCE_MS);
    const { value, done } = await reader.read();
    clearTimeout(alarm);
    if (done) return;
    yield* parser.feed(decoder.decode(value, { stream: true }));
  }
}
