/** Requests as lines for a shell. Pure. Whatever is in them, a shell that runs them does nothing else. */

/**
 * Quote a text for a POSIX shell.
 *
 * @param {string} text
 */
export const quote = (text) => (/^[\w./:@%=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/**
 * Return the curl command of a request. The API key is a variable of the shell.
 *
 * @param {{method: string, url: string, body?: unknown, key?: boolean, headers?: Record<string, string>}} request
 */
export function curl({ method, url, body, key = true, headers = {} }) {
  const parts = [method === "GET" ? `curl ${quote(url)}` : `curl -X ${quote(method)} ${quote(url)}`];
  if (key) parts.push('-H "Authorization: Bearer $API_KEY"');
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quote(`${name}: ${value}`)}`);
  if (body !== null && body !== undefined) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    parts.push("-H 'Content-Type: application/json'", `--data-raw ${quote(text)}`);
  }
  return parts.join(" \\\n  ");
}

/**
 * Return the command that makes the request of a journal entry again.
 *
 * @param {{operation: string, method: string, target: string, request: unknown}} entry
 * @param {string} root The root of the server.
 */
export function curlOf(entry, root) {
  const url = entry.operation === "callback" ? entry.target : root + entry.target;
  return curl({ method: entry.method, url, body: entry.request, key: entry.operation !== "callback" });
}
