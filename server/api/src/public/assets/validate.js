// The checks of single answers, the browser's twin of engine::form. Both run tests/fixtures/form-vectors.json. Nothing here
// computes: numbers are read into their plain text form and compared digit by digit.

const SIGNS = {
  "€": ["EUR"],
  $: ["USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN"],
  "£": ["GBP"],
  "¥": ["JPY", "CNY"],
  "￥": ["JPY", "CNY"],
  元: ["CNY"],
  円: ["JPY"],
  kr: ["SEK", "NOK", "DKK", "ISK"],
  zł: ["PLN"],
  kč: ["CZK"],
  "₹": ["INR"],
  "₩": ["KRW"],
};
const NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(" ");
const THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND".split(" ");
const FOUR_DECIMALS = "CLF UYW".split(" ");

/** One answer of a question: `null` when it is good, else `{code, params}`. `mark` is the decimal mark of the page. */
export function check(field, typed, mark) {
  const text = typed.trim();
  if (text === "") return field.required ? problem(field, "required") : null;
  switch (field.kind) {
    case "text":
      return checkLength(field, oneLine(typed), field.max_length ?? 1000);
    case "long_text":
      return checkLength(field, typed.replace(/\r\n?/g, "\n").trim(), field.max_length ?? 20000);
    case "email":
      return isEmail(oneLine(typed)) ? null : problem(field, "email");
    case "phone":
      return isPhone(oneLine(typed)) ? null : problem(field, "phone");
    case "number":
      return checkNumber(field, text.replace(/[%％]$/, ""), mark);
    case "money":
      return checkMoney(field, text, mark);
    case "date":
      return checkDate(field, oneLine(typed));
    default:
      return null;
  }
}

export function problem(field, code, params = {}) {
  return { code, params: { ...params, label: field.label || field.name } };
}

/** A typed number as `-1234.5`, or the fault `number`, `number_too_long`. */
export function readNumber(typed, mark) {
  const text = plain(typed);
  const negative = text.startsWith("-");
  const body = (negative || text.startsWith("+") ? text.slice(1) : text).trimStart();
  const parts = split(body, mark);
  const grouped = parts && ungroup(parts[0]);
  if (grouped === null || grouped === undefined || parts === null) return { fault: "number" };
  const fraction = parts[1];
  if (!/^\d*$/.test(fraction) || (grouped === "" && fraction === "")) return { fault: "number" };
  const whole = grouped.replace(/^0+/, "");
  if (whole.length > 15 || fraction.length > 10) return { fault: "number_too_long" };
  return { number: (negative ? "-" : "") + (whole || "0") + (fraction ? "." + fraction : "") };
}

/** A typed amount, with or without the currency's sign or code on either side. */
export function readMoney(typed, mark, currency) {
  const bad = { fault: "number" };
  const text = plain(typed);
  const minus = text.startsWith("-");
  const rest = minus ? text.slice(1).trimStart() : text;
  const first = rest.search(/[\d.,\-+ ']/);
  if (first < 0) return bad;
  const last = rest.length - [...rest].reverse().join("").search(/[\d.,\-+ ']/);
  const before = rest.slice(0, first).trim();
  const after = rest.slice(last).trim();
  if (before && after) return bad;
  const sign = before || after;
  if (sign && !names(sign, currency)) return { fault: isSign(sign) ? "money_currency" : "number" };
  let number = rest.slice(first, last).trim();
  const second = number.startsWith("-");
  if (second) number = number.slice(1).trimStart();
  if ((minus && second) || /^[-+]/.test(number)) return bad;
  number = number.replace(/[.,]-$/, "");
  const read = readNumber(number, mark);
  if (read.fault) return read;
  return { number: (minus || second ? "-" : "") + read.number };
}

/** Compares two plain numbers as texts; exact at any length. */
export function compare(a, b) {
  const [x, y] = [parts(a), parts(b)];
  if (x.sign !== y.sign) return x.sign - y.sign;
  const size = x.whole.length - y.whole.length || order(x.whole, y.whole) || order(x.fraction, y.fraction);
  // Not -0, which is another value to some.
  return size * (x.sign < 0 ? -1 : 1) || 0;
}

function parts(number) {
  const [whole, fraction = ""] = number.replace(/^-/, "").split(".");
  const short = { whole: whole.replace(/^0+/, ""), fraction: fraction.replace(/0+$/, "") };
  const zero = short.whole === "" && short.fraction === "";
  return { ...short, sign: zero ? 0 : number.startsWith("-") ? -1 : 1 };
}

function order(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

function checkLength(field, text, max) {
  const length = [...text].length;
  return length > max ? problem(field, "too_long", { max, length }) : null;
}

function checkNumber(field, text, mark) {
  const read = readNumber(text, mark);
  if (read.fault) return problem(field, read.fault);
  const decimals = field.decimals ?? 10;
  if (scale(read.number) > decimals) return problem(field, "number_decimals", { decimals });
  if (field.min != null && compare(read.number, field.min) < 0) return problem(field, "number_min", { min: field.min });
  if (field.max != null && compare(read.number, field.max) > 0) return problem(field, "number_max", { max: field.max });
  return null;
}

function checkMoney(field, text, mark) {
  const read = readMoney(text, mark, field.currency);
  if (read.fault === "money_currency") return problem(field, "money_currency", { currency: field.currency });
  if (read.fault) return problem(field, read.fault);
  const decimals = Math.max(currencyDecimals(field.currency), field.decimals ?? 0);
  return scale(read.number) > decimals ? problem(field, "number_decimals", { decimals }) : null;
}

function currencyDecimals(code) {
  if (NO_DECIMALS.includes(code)) return 0;
  if (THREE_DECIMALS.includes(code)) return 3;
  return FOUR_DECIMALS.includes(code) ? 4 : 2;
}

function scale(number) {
  return (number.split(".")[1] ?? "").replace(/0+$/, "").length;
}

function checkDate(field, text) {
  const date = readDate(text);
  if (!date) return problem(field, "date");
  if (field.min && date < field.min) return problem(field, "date_min", { min: field.min });
  if (field.max && date > field.max) return problem(field, "date_max", { max: field.max });
  return null;
}

/** `2027-03-08`, `2027/3/8`, `2027年3月8日`, `8.3.2027`; never `3/8/2027`, which means two days. */
export function readDate(text) {
  const same = text.replace(/[年月/]/g, "-").replace(/日$/, "");
  const dayFirst = same.includes(".");
  const pieces = same.split(dayFirst ? "." : "-").map((piece) => piece.trim());
  if (pieces.length !== 3) return null;
  const [year, month, day] = dayFirst ? [pieces[2], pieces[1], pieces[0]] : pieces;
  if (!/^\d{4}$/.test(year) || !/^\d{1,2}$/.test(month) || !/^\d{1,2}$/.test(day)) return null;
  const iso = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  const parsed = new Date(`${iso}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(iso) ? iso : null;
}

function oneLine(text) {
  return [...text.replace(/\s/g, " ")].filter((c) => !/\p{Cc}/u.test(c)).join("").trim();
}

function isEmail(text) {
  const at = text.lastIndexOf("@");
  if (at < 1 || new TextEncoder().encode(text).length > 254) return false;
  const [local, domain] = [text.slice(0, at), text.slice(at + 1)];
  const labels = domain.split(".");
  return (
    new TextEncoder().encode(local).length <= 64 &&
    /^[\p{Alphabetic}\p{N}.!#$%&'*+/=?^_`{|}~-]+$/u.test(local) &&
    !/^\.|\.$|\.\./.test(local) &&
    labels.length > 1 &&
    labels.every(
      (label) => /^[\p{Alphabetic}\p{N}-]+$/u.test(label) && !/^-|-$/.test(label) && new TextEncoder().encode(label).length <= 63,
    )
  );
}

function isPhone(text) {
  const digits = text.replace(/\D/g, "").length;
  return digits >= 5 && digits <= 20 && text.length <= 40 && /^\+?[\d \-./()]*$/.test(text);
}

function plain(text) {
  return text
    .replace(/[\u200e\u200f\u061c]/g, "")
    .trim()
    .replace(/[０-９]/g, (c) => String(c.charCodeAt(0) - 0xff10))
    .replace(/[\u0660-\u0669]/g, (c) => String(c.charCodeAt(0) - 0x660))
    .replace(/[\u06f0-\u06f9]/g, (c) => String(c.charCodeAt(0) - 0x6f0))
    .replace(/[．\u066b]/g, ".")
    .replace(/，/g, ",")
    .replace(/[\u2212－\u2013]/g, "-")
    .replace(/[\u00a0\u202f\u2009\u3000]/g, " ")
    .replace(/[\u2019\u066c]/g, "'");
}

function split(body, mark) {
  const points = body.split(".").length - 1;
  const commas = body.split(",").length - 1;
  if (points + commas === 0 || (points === 0 && commas > 1) || (commas === 0 && points > 1)) return [body, ""];
  const at = Math.max(body.lastIndexOf("."), body.lastIndexOf(","));
  if (points + commas === 1) {
    const groups = body.length - at - 1 === 3 && at >= 1 && at <= 3 && body.slice(0, at) !== "0" && body[at] !== mark;
    return groups ? [body, ""] : [body.slice(0, at), body.slice(at + 1)];
  }
  return body.split(body[at]).length > 2 ? null : [body.slice(0, at), body.slice(at + 1)];
}

function ungroup(whole) {
  const found = /\D/.exec(whole);
  if (!found) return whole;
  if (!".,' ".includes(found[0])) return null;
  const groups = whole.split(found[0]);
  const fits = groups.every((group, index) => {
    if (!/^\d*$/.test(group)) return false;
    if (index === 0) return group.length >= 1 && group.length <= 3;
    return index === groups.length - 1 ? group.length === 3 : group.length === 2 || group.length === 3;
  });
  return fits ? groups.join("") : null;
}

function names(sign, currency) {
  return sign.toUpperCase() === currency || (SIGNS[sign.toLowerCase()] ?? []).includes(currency);
}

function isSign(text) {
  return /^[a-z]{3}$/i.test(text) || text.toLowerCase() in SIGNS;
}
