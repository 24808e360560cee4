// The engine itself: what it waits for, its venues, its actors.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { ABSENT, ago, duration, fullTime, time, words } from "../format.js";
import { Table } from "../table.js";
import { problemText, when } from "../words.js";

const ACTORS_MS = 5_000;

export function system(store) {
  const parts = new Table({
    caption: "Readiness",
    empty: "Nothing has reported yet.",
    keyOf: (row) => row.part,
    columns: [
      { key: "part", label: "Part", text: (row) => partName(store, row.part) },
      { key: "state", label: "State", text: (row) => (row.ready ? "Ready" : row.reported ? "Not ready" : "Starting"), className: (row) => `state ${row.ready ? "good" : "bad"}` },
      { key: "since", label: "Since", text: (row) => time(row.since), title: (row) => when(row.since) },
      { key: "reason", label: "Reason", text: (row) => row.reason || ABSENT },
    ],
  });
  const venues = new Table({
    caption: "Venues",
    empty: "No venue has reported yet.",
    keyOf: (row) => row.exchange,
    columns: [
      { key: "exchange", label: "Venue", text: (row) => row.exchange },
      { key: "status", label: "Status", text: (row) => words(row.status), className: (row) => `state ${row.status === "online" ? "good" : "bad"}` },
      { key: "delay", label: "Response", align: "right", text: (row) => (row.response_time_ms === null || row.response_time_ms === undefined ? ABSENT : `${row.response_time_ms} ms`) },
      { key: "updated", label: "Heard", text: (row) => (row.updated_at ? ago(row.updated_at) : ABSENT), title: (row) => when(row.updated_at) },
      { key: "error", label: "Reason", text: (row) => row.error_message || ABSENT },
    ],
  });
  const actors = new Table({
    caption: "Actors",
    empty: "Only admins see the actors.",
    keyOf: (row) => row.name,
    sortBy: "depth",
    columns: [
      { key: "name", label: "Name", text: (row) => row.name, sort: (row) => row.name },
      { key: "class", label: "Kind", text: (row) => row.class, sort: (row) => row.class },
      { key: "depth", label: "Waiting", align: "right", text: (row) => String(row.mailbox_depth), sort: (row) => row.mailbox_depth },
      { key: "dropped", label: "Conflated", align: "right", text: (row) => String(row.dropped), sort: (row) => row.dropped },
    ],
  });
  const facts = h("dl", { class: "facts" });
  const drawFacts = () => {
    const { engine, email, role, session } = store.me;
    const rows = [["Version", engine.version], ["Market", words(engine.market_source)], ["Money", engine.is_paper ? "Paper" : "Real"], ["Up for", duration(Date.now() - Date.parse(engine.started_at))], ["Logged in as", `${email}, ${role}`], ["Session ends", fullTime(session.expires_at)], ["Stream", `${words(store.stream.state)}, for ${duration(Date.now() - store.stream.since)}`], ["Events seen on this page", String(store.feed.length)]];
    fill(facts, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  };
  const loadActors = async () => {
    if (store.me.role !== "admin") return actors.show([]);
    try {
      return actors.show((await get("/system/actors")).items);
    } catch (problem) {
      actors.empty = problemText(problem);
      return actors.show([]);
    }
  };
  const drawParts = () => parts.show(store.readiness?.parts ?? null);
  const drawVenues = () => venues.show([...store.exchanges.values()]);
  const ends = [store.on("readiness", drawParts), store.on("exchanges", drawVenues), store.on(["stream", "heartbeatAt"], drawFacts)];
  const timer = setInterval(loadActors, ACTORS_MS);
  for (const draw of [drawParts, drawVenues, drawFacts, loadActors]) draw();
  const element = h(
    "div",
    { class: "grid" },
    h("section", { class: "panel" }, h("h2", {}, "Engine"), facts),
    h("section", { class: "panel" }, h("h2", {}, "Readiness"), parts.element),
    h("section", { class: "panel" }, h("h2", {}, "Venues"), venues.element),
    h("section", { class: "panel" }, h("h2", {}, "Actors"), actors.element),
  );
  return {
    element,
    close() {
      clearInterval(timer);
      ends.forEach((end) => end());
    },
  };
}

function partName(store, part) {
  const [kind, name] = part.split(/:(.*)/s);
  if (kind === "account") return `Account ${store.accountName(name)}`;
  if (kind === "feed") return `Prices of ${name}`;
  if (kind === "lease") return `Lease of ${name === store.me.id ? store.me.email : name.slice(0, 8)}`;
  return words(kind);
}
