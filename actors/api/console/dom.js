// A page without a framework: make elements, replace children, run updates once per frame.

/**
 * Make an element. Strings become text, never markup.
 * @param {string} tag
 * @param {Object} [props] class, dataset, on (event handlers), every other key is an attribute; null leaves it out
 * @param {...(Node|string|number|null|undefined|Array)} children
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** Flatten children, leaving out what is absent. */
export function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}

/** Replace the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/** Set a text only if it changed, so that selections and screen readers are left alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const waiting = new Set();
let isArmed = false;

/** Run `work` before the next paint, once, however often it is asked for. */
export function soon(work) {
  waiting.add(work);
  if (isArmed) return;
  isArmed = true;
  requestAnimationFrame(() => {
    isArmed = false;
    const works = [...waiting];
    waiting.clear();
    for (const each of works) each();
  });
}

/** A hidden page paints nothing: catch up when it is shown again. */
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) soon(() => {});
});
