/** Elements, made and filled. Texts become text nodes: nothing here ever reads markup. */

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, any> & {on?: Record<string, (event: any) => void>, data?: Record<string, string>}} Attributes
 */

/**
 * Make an element.
 *
 * @param {string} tag Its name, with classes after dots: "p.note.warn".
 * @param {Attributes} [attributes] Attributes; `on` has listeners, `data` has data attributes. What is null, undefined
 *   or false is left out, true is an empty attribute.
 * @param {...Child} children
 * @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  const { on = {}, data = {}, ...rest } = attributes;
  for (const [key, value] of Object.entries(rest)) set(node, key, value);
  for (const [key, value] of Object.entries(data)) node.dataset[key] = value;
  for (const [kind, listener] of Object.entries(on)) node.addEventListener(kind, listener);
  node.append(...children.filter(isThere).map((child) => (child instanceof Node ? child : String(child))));
  return node;
}

/** @param {Child} child */
const isThere = (child) => child !== null && child !== undefined && child !== false;

/**
 * Set an attribute, or take it away.
 *
 * @param {Element} node
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function set(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : String(value));
}

/**
 * Write a text, if it is another than what is there.
 *
 * @param {Node} node
 * @param {string} text
 */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Give an element other children. What had the focus, and says so by `data-focus`, has it again.
 *
 * @param {Element} host
 * @param {...Child} children
 */
export function refill(host, ...children) {
  const held = host.contains(document.activeElement) ? document.activeElement?.closest("[data-focus]") : null;
  const name = /** @type {HTMLElement | null} */ (held)?.dataset.focus;
  host.replaceChildren(...children.filter(isThere).map((child) => (child instanceof Node ? child : String(child))));
  if (name) /** @type {HTMLElement | null} */ (host.querySelector(`[data-focus="${CSS.escape(name)}"]`))?.focus();
}

/**
 * Return the element of the page with this id.
 *
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * Show a URL that somebody else wrote: as a link where it is one of the web, as text else. Nothing is loaded from it.
 *
 * @param {string} text
 */
export function link(text) {
  const url = URL.canParse(text) ? new URL(text) : null;
  const safe = url !== null && ["http:", "https:"].includes(url.protocol);
  if (!safe) return el("span.url", {}, text);
  return el("a.url", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, text);
}
