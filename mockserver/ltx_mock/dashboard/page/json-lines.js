/** JSON as lines for people, with what is wrong told at its place. Pure. */

const MAX_LINES = 2000;
const MAX_DEPTH = 60;

/**
 * @typedef {{rule: string, severity: string, pointer: string, got: string, allowed: string, message: string}} Finding
 * @typedef {{kind: "key" | "string" | "number" | "word" | "mark", text: string}} Part
 * @typedef {{pointer: string, depth: number, parts: Part[], findings: Finding[], cut?: boolean}} Line
 */

/**
 * Return a value as lines. A finding lies with the line of its place; where that is missing, with the line of the
 * object that should have it.
 *
 * @param {unknown} value
 * @param {Finding[]} [findings]
 * @returns {Line[]}
 */
export function lines(value, findings = []) {
  /** @type {Line[]} */
  const made = [];
  walk(made, value, "", 0, [], "");
  /** @type {Map<string, Line>} */
  const at = new Map();
  for (const line of made) if (!at.has(line.pointer)) at.set(line.pointer, line);
  for (const finding of findings) nearest(at, finding.pointer)?.findings.push(finding);
  return made;
}

/**
 * @param {Map<string, Line>} at
 * @param {string} pointer
 */
function nearest(at, pointer) {
  for (let place = pointer; place; place = place.slice(0, place.lastIndexOf("/"))) {
    const line = at.get(place);
    if (line) return line;
  }
  return at.get("");
}

/**
 * @param {Line[]} made
 * @param {unknown} value
 * @param {string} pointer
 * @param {number} depth
 * @param {Part[]} before
 * @param {string} comma
 */
function walk(made, value, pointer, depth, before, comma) {
  if (made.length >= MAX_LINES) {
    if (!made.at(-1)?.cut) made.push({ pointer: "…", depth, parts: [mark("…")], findings: [], cut: true });
    return;
  }
  const items = depth < MAX_DEPTH ? itemsOf(value) : null;
  if (items === null || items.length === 0) {
    made.push({ pointer, depth, parts: [...before, scalar(value), mark(comma)], findings: [] });
    return;
  }
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  made.push({ pointer, depth, parts: [...before, mark(open)], findings: [] });
  items.forEach(([name, item], index) => {
    /** @type {Part[]} */
    const named = Array.isArray(value) ? [] : [{ kind: "key", text: JSON.stringify(name) }, mark(": ")];
    walk(made, item, `${pointer}/${escape(name)}`, depth + 1, named, index < items.length - 1 ? "," : "");
  });
  if (!made.at(-1)?.cut) made.push({ pointer: `${pointer}/`, depth, parts: [mark(close + comma)], findings: [] });
}

/**
 * @param {unknown} value
 * @returns {[string, unknown][] | null}
 */
function itemsOf(value) {
  if (Array.isArray(value)) return value.map((item, index) => [String(index), item]);
  return value !== null && typeof value === "object" ? Object.entries(value) : null;
}

/**
 * @param {unknown} value
 * @returns {Part}
 */
function scalar(value) {
  if (typeof value === "string") return { kind: "string", text: JSON.stringify(value) };
  if (typeof value === "number") return { kind: "number", text: String(value) };
  if (value === null || typeof value === "boolean") return { kind: "word", text: String(value) };
  return mark(Array.isArray(value) ? (value.length ? "[…]" : "[]") : Object.keys(Object(value)).length ? "{…}" : "{}");
}

/**
 * @param {string} text
 * @returns {Part}
 */
const mark = (text) => ({ kind: "mark", text });

/** @param {string} name A name in a JSON pointer (RFC 6901). */
const escape = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");
