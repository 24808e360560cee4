// Numbers and times as people read them. Decimals stay text until the moment they are shown.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const stamp = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const day = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short" });
const numbers = new Map();

export const ABSENT = "–";

function formatter(decimals, sign) {
  const key = `${decimals}${sign}`;
  if (!numbers.has(key)) {
    numbers.set(
      key,
      new Intl.NumberFormat("en-US", {
        minimumFractionDigits: decimals,
        maximumFractionDigits: decimals,
        signDisplay: sign,
      }),
    );
  }
  return numbers.get(key);
}

/** A decimal's text with thousands separators and exactly `decimals` decimals. */
export function number(text, decimals = 2, sign = "negative") {
  if (text === null || text === undefined || text === "") return ABSENT;
  return formatter(decimals, sign).format(text).replace("-", "−");
}

/** The same with its sign always shown, as for profit. */
export const signed = (text, decimals = 2) => number(text, decimals, "exceptZero");

/** A quantity as it is, trailing zeros dropped. */
export function quantity(text) {
  if (text === null || text === undefined || text === "") return ABSENT;
  return number(text, decimalsOf(trim(text)));
}

/** A small amount of money, such as a fee: two decimals, more where they would hide it. */
export const money = (text) => number(text, Number(text) !== 0 && Math.abs(Number(text)) < 0.01 ? 6 : 2);

/** Decimals of a decimal's text. */
export function decimalsOf(text) {
  const point = text.indexOf(".");
  return point < 0 ? 0 : Math.min(18, text.length - point - 1);
}

function trim(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Decimals of a price, by the instrument's tick; without one by the size of the price. */
export function priceDecimals(tick, price = null) {
  if (tick) return decimalsOf(trim(tick));
  const size = Math.abs(Number(price ?? 100));
  return size >= 100 ? 2 : size >= 1 ? 4 : 6;
}

export const percent = (value, decimals = 2) =>
  value === null || value === undefined ? ABSENT : `${signed(value, decimals)}%`;

/** Time of day for today, else with the date; the zone is the browser's. */
export function time(iso) {
  if (!iso) return ABSENT;
  const at = new Date(iso);
  return isToday(at) ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`;
}

export const timeOfDay = (date) => clock.format(date);
export const fullTime = (iso) => (iso ? `${stamp.format(new Date(iso))} ${zone}` : "");
export const zoneName = () => zone;

function isToday(at) {
  return new Date().toDateString() === at.toDateString();
}

/** A duration in the two largest units that matter. */
export function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

export const ago = (iso) => `${duration(Math.max(0, Date.now() - new Date(iso)))} ago`;

/** Class of a number that may be profit or loss; the sign is shown as well. */
export function tone(value) {
  const size = Number(value);
  return size > 0 ? "up" : size < 0 ? "down" : "";
}

/** First letter in capitals, underscores as blanks. */
export function words(code) {
  const text = String(code ?? "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
