// Dense tables: sorted in place, rows keep their elements, only what is visible is drawn.

import { fill, h, setText } from "./dom.js";

const ROW_PX = 30;
const WINDOWED_FROM = 200; // Below this many rows the browser draws all of them without effort.
const MARGIN_ROWS = 20;
const FLASH_MS = 300;

/**
 * A table. A column is {key, label, text(row), sort(row)?, align: "right"?, className(row)?, node(row)?, flash: bool,
 * title(row)?}. `key` names it in the URL and for sorting.
 */
export class Table {
  constructor({ columns, keyOf, empty, caption, sortBy = null, descending = true, onOpen = null }) {
    Object.assign(this, { columns, keyOf, empty, sortBy, descending, onOpen });
    this.rows = [];
    this.version = 0; // Cells also show what is not in the row, such as names and prices: each `show` looks at all of them.
    this.elements = new Map();
    this.body = h("tbody");
    this.top = h("tr", { class: "spacer", "aria-hidden": "true" }, h("td", { colspan: columns.length }));
    this.bottom = h("tr", { class: "spacer", "aria-hidden": "true" }, h("td", { colspan: columns.length }));
    this.heads = columns.map((column) => this.head(column));
    this.table = h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, h("tr", {}, this.heads)), this.body);
    this.note = h("p", { class: "empty", hidden: true });
    this.element = h("div", { class: "table", tabindex: "0", role: "region", "aria-label": caption }, this.table, this.note);
    this.element.addEventListener("scroll", () => this.draw(), { passive: true });
    this.isLoading = true;
    this.draw();
  }

  head(column) {
    const sort = () => {
      this.descending = this.sortBy === column.key ? !this.descending : true;
      this.sortBy = column.key;
      this.arrange();
    };
    const label = column.sort
      ? h("button", { type: "button", class: "sort", on: { click: sort } }, column.label)
      : column.label || h("span", { class: "unseen" }, "Actions");
    return h("th", { scope: "col", class: column.align ?? null, dataset: { key: column.key } }, label);
  }

  /** Show rows; null while they are being loaded. */
  show(rows) {
    this.isLoading = rows === null;
    this.rows = rows ?? [];
    this.version += 1;
    this.arrange();
  }

  arrange() {
    const column = this.columns.find((each) => each.key === this.sortBy);
    if (column?.sort) {
      const factor = this.descending ? -1 : 1;
      const keyed = this.rows.map((row) => [column.sort(row), row]);
      keyed.sort(([a], [b]) => (a < b ? -factor : a > b ? factor : 0));
      this.rows = keyed.map(([, row]) => row);
    }
    for (const head of this.heads) {
      if (head.dataset.key === this.sortBy) head.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.draw();
  }

  draw() {
    const count = this.rows.length;
    this.note.hidden = count > 0 && !this.isLoading;
    this.table.hidden = count === 0;
    if (this.isLoading) fill(this.note, h("span", { class: "skeleton" }), h("span", { class: "skeleton" }), h("span", { class: "unseen" }, "Loading"));
    else if (count === 0) setText(this.note, this.empty);
    const [from, to] = this.range(count);
    const visible = this.rows.slice(from, to);
    const wanted = visible.map((row) => this.row(row));
    const keep = new Set(visible.map(this.keyOf));
    for (const key of this.elements.keys()) if (!keep.has(key)) this.elements.delete(key);
    this.top.firstChild.style.height = `${from * ROW_PX}px`;
    this.bottom.firstChild.style.height = `${(count - to) * ROW_PX}px`;
    const all = [...(from ? [this.top] : []), ...wanted, ...(to < count ? [this.bottom] : [])];
    // Moving only what is out of place keeps focus and selection where they are.
    all.forEach((element, place) => {
      if (this.body.children[place] !== element) this.body.insertBefore(element, this.body.children[place] ?? null);
    });
    while (this.body.children.length > all.length) this.body.lastChild.remove();
  }

  range(count) {
    if (count < WINDOWED_FROM) return [0, count];
    const first = Math.floor(this.element.scrollTop / ROW_PX) - MARGIN_ROWS;
    const shown = Math.ceil(this.element.clientHeight / ROW_PX) + 2 * MARGIN_ROWS;
    const from = Math.max(0, Math.min(first, count - shown));
    return [from, Math.min(count, from + shown)];
  }

  row(row) {
    const key = this.keyOf(row);
    let element = this.elements.get(key);
    if (!element) {
      element = h("tr", {}, this.columns.map((column) => this.cell(column)));
      if (this.onOpen) {
        element.classList.add("opens");
        element.addEventListener("click", (click) => {
          if (!click.target.closest("button, a")) this.onOpen(element.row);
        });
      }
      this.elements.set(key, element);
    }
    if (element.version !== this.version) {
      this.columns.forEach((column, place) => this.put(column, element.children[place], row, element.row !== undefined));
      element.row = row;
      element.version = this.version;
    }
    return element;
  }

  cell(column) {
    return h("td", { class: column.align ?? null, dataset: { label: column.label } });
  }

  put(column, cell, row, isChange) {
    cell.className = [column.align, column.className?.(row)].filter(Boolean).join(" ");
    if (column.title) cell.title = column.title(row);
    if (column.node) {
      const mark = column.mark ? column.mark(row) : row;
      if (cell.mark !== mark) fill(cell, column.node(row));
      cell.mark = mark;
      return;
    }
    const text = column.text(row);
    if (cell.textContent === text) return;
    cell.textContent = text;
    if (isChange && column.flash) flash(cell);
  }
}

/** Show once that a value has changed. */
export function flash(element) {
  element.classList.add("flash");
  clearTimeout(element.flashing);
  element.flashing = setTimeout(() => element.classList.remove("flash"), FLASH_MS);
}
