/** What the server says in English, in Chinese: the sentences of findings and causes, which are a closed set. Pure. */

/** @typedef {[RegExp, string]} Phrase A pattern for the whole text; `{1}` stands for what the first group matches. */

/** @type {Phrase[]} What is allowed, as findings name it. */
const ALLOWED = [
  [/^a JSON object$/, "JSON 对象"],
  [/^a whole number of seconds from (\S+) to (\S+)$/, "{1} 到 {2} 的整数（秒）"],
  [/^a whole number from (\S+) to (\S+), or (\S+)$/, "{1} 到 {2} 的整数，或 {3}"],
  [/^a number$/, "数字"],
  [/^a number from (\S+) to (\S+)$/, "{1} 到 {2} 的数字"],
  [/^a string of (\S+) to (\S+) characters$/, "{1} 到 {2} 个字符的字符串"],
  [/^an absolute http or https URL$/, "完整的 http 或 https URL"],
  [/^an absolute http or https URL when (\S+) is (\S+)$/, "完整的 http 或 https URL（当 {1} 为 {2} 时）"],
  [/^an array of exactly one absolute http or https URL$/, "只有一个完整 http 或 https URL 的数组"],
  [/^an array of at most (\S+) LoRA models$/, "最多 {1} 个 LoRA 的数组"],
  [/^an array of (\S+) to (\S+) LoRA models in this mode$/, "{1} 到 {2} 个 LoRA 的数组（在此模式中）"],
  [/^an object with the parameters of the model$/, "含模型参数的对象"],
  [/^an object with (\S+) and (\S+)$/, "含 {1} 和 {2} 的对象"],
  [/^a URL with a download parameter, as in (\S+)$/, "带下载参数的 URL，例如 {1}"],
  [/^only in the two (\S+) modes$/, "只能用于两种 {1} 模式"],
  [/^("[^"]*"(?:, "[^"]*")*) or ("[^"]*")$/, "{1} 或 {2}"],
];

/** @type {Phrase[]} Causes, reasons and errors. */
const CAUSES = [
  [/^rate limit (\(.*\))$/, "请求频率超限 {1}"],
  [/^concurrency limit (\(.*\))$/, "未完成的任务超限 {1}"],
  [/^credits spent (\(.*\))$/, "点数已用完 {1}"],
  [/^memory for the requests of one key (\(.*\))$/, "一个密钥的请求占用的内存已满 {1}"],
  [/^content type (\(.*\))$/, "内容类型 {1}"],
  [/^content encoding (\(.*\))$/, "内容编码 {1}"],
  [/^header (\S+)$/, "请求头 {1}"],
  [/^forbidden word (.+) in the prompt$/, "提示词中有禁用词 {1}"],
  [/^directive (\[\[.+\]\]) in the prompt$/, "提示词中的指令 {1}"],
  [/^host under (\S+)$/, "主机在 {1} 之下"],
  [/^fetched (\S+)$/, "已下载 {1}"],
  [/^(\S+) was not fetched and counts as valid: (.+)$/s, "{1} 未下载，视为有效：{2}"],
  [/^the same Idempotency-Key: no new task$/, "Idempotency-Key 相同：没有创建新任务"],
  [/^Idempotency-Key of another body$/, "Idempotency-Key 属于另一个请求体"],
  [/^finished by hand$/, "手动结束"],
  [/^redelivered by hand$/, "手动重新发送"],
  [/^drawn from the request and the seed$/, "由请求和种子决定"],
  [/^the task ends$/, "任务结束"],
  [/^the task ends, and the callback is (\S+) s late$/, "任务结束，回调晚 {1} 秒"],
  [/^the previous attempt did not get 200 (\(.*\))$/, "上一次尝试没有得到 200 {1}"],
  [/^attempt (\d+)$/, "第 {1} 次尝试"],
  [/^given up after (\d+) attempts$/, "尝试 {1} 次后放弃"],
  [/^the fake was ended during this attempt$/, "尝试期间服务器已结束"],
  [/^(\S+) is not this machine: allow it with (.+) or redirect it with (.+)$/, "{1} 不是本机：用 {2} 允许，或用 {3} 改写"],
  [/^the signature is that of another body$/, "签名属于另一个请求体"],
  [/^the signature is (\d+) minutes old$/, "签名是 {1} 分钟前的"],
  [/^the signature is left out$/, "没有签名"],
  [/^there is no signature: (\S+) is not set$/, "没有签名：未设置 {1}"],
  [/^scenario ([^:]+)$/, "场景 {1}"],
  [/^(X-Mock-Scenario: [^:]+|Prefer: [^:]+)$/, "{1}"],
  [/^(scenario [^:]+|directive .+ in the prompt|X-Mock-Scenario: [^:]+|Prefer: [^:]+): (.+)$/s, "{1}：{2}"],
  [/^(\d+) ms late$/, "晚 {1} 毫秒"],
  [/^(\d+) ms late \(not delayed: the clock is stopped\)$/, "晚 {1} 毫秒（时钟已停，没有真正等待）"],
  [/^([A-Z_]{4,}), after processing$/, "{1}，在处理之后"],
  [/^([A-Z_]{4,})$/, "{1}"],
  [/^the server restarts$/, "服务器重启"],
  [/^the server restarts, away for (\d+) ms$/, "服务器重启，离开 {1} 毫秒"],
  [/^cut after (\S+)$/, "在 {1} 处中断"],
  [/^(\S+) bytes a second$/, "每秒 {1} 字节"],
  [/^from (\S+)$/, "来自 {1}"],
  [/^from (\S+): (.+)$/s, "来自 {1}：{2}"],
  [/^recording ([^;,]+)$/, "录制 {1}"],
  [/^no recording of this request; there are no recordings$/, "没有这个请求的录制，一个录制也没有"],
  [/^no recording of this request; the nearest is ([^:]+): (.+)$/s, "没有这个请求的录制，最接近的是 {1}：{2}"],
  [/^seen in a response of the API$/, "见于 API 的应答"],
  [/^no response: (.+)$/s, "没有应答：{1}"],
  [/^no response within (\S+) s$/, "{1} 秒内没有应答"],
  [/^the connection closed without a response$/, "连接关闭，没有应答"],
  [/^nothing listens on (\S+) \(connection refused\)$/, "{1} 上没有程序监听（连接被拒绝）"],
  [/^set to (\S+), speed (\S+)$/, "改为 {1}，速度 {2}"],
  [/^advanced by (\S+) s$/, "推进 {1} 秒"],
];

/**
 * Return a text by the first phrase that fits; null if none does.
 *
 * @param {Phrase[]} phrases
 * @param {string} text
 * @returns {string | null}
 */
function by(phrases, text) {
  for (const [pattern, chinese] of phrases) {
    const found = pattern.exec(text);
    if (found) return chinese.replace(/\{(\d)\}/g, (_, group) => inner(found[Number(group)], text));
  }
  return null;
}

/**
 * @param {string} part A part of a text.
 * @param {string} text
 */
const inner = (part, text) => (part.length < text.length ? causeInChinese(part) : null) ?? part;

/**
 * Return a cause in Chinese; what is not known of it stays as it is, and null if nothing is known.
 *
 * @param {string} text
 * @returns {string | null}
 */
export function causeInChinese(text) {
  const whole = by(CAUSES, text);
  if (whole !== null) return whole;
  for (const [between, chinese] of [["; ", "；"], [", ", "，"]]) {
    const parts = text.split(between);
    const known = parts.map((part) => by(CAUSES, part));
    if (parts.length > 1 && known.some((part) => part !== null)) {
      return known.map((part, index) => part ?? parts[index]).join(chinese);
    }
  }
  return null;
}

/**
 * Return the sentence of a finding in Chinese; null if it is an unknown one.
 *
 * @param {import("./json-lines.js").Finding} finding
 * @returns {string | null}
 */
export function findingInChinese({ severity, pointer, got, allowed, message }) {
  const place = pointer.slice(1).replace(/\/(\d+)(?=\/|$)/g, "[$1]").replaceAll("/", ".") || "请求体";
  const malformed = /^the body must be a JSON object in UTF-8, but (.+)$/s.exec(message);
  if (malformed) return `请求体必须是 UTF-8 编码的 JSON 对象（${malformed[1]}）`;
  const meant = /did you mean (".*?")\?/.exec(message);
  const hint = meant ? `；是否想用 ${meant[1]}？` : "";
  if (message.includes(" is not a field that the API knows")) return `API 没有字段 ${place}${hint}`;
  const right = by(ALLOWED, allowed);
  if (right === null) return null;
  const must = severity === "violation" ? "必须是" : "应为";
  if (got === "nothing") return `缺少 ${place}，${must}${right}`;
  if (message.endsWith(`is allowed ${allowed}`) || message.endsWith(`is used ${allowed}`)) return `${place} ${right}`;
  return `${place} ${must}${right}，实际为 ${got}${hint}`;
}
