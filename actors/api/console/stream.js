// The stream's protocol, as docs/frontend.md teaches it: subscribe, snapshot, events in order, resume without a gap.

const SILENCE_MS = 12_000; // Heartbeats come every 5 s; two missed ones are a dead connection.
const BACKOFF_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];
const LOGGED_OUT = 4401;
const NOT_ALLOWED = 4403;

/**
 * One connection that comes back by itself.
 *
 * Handlers: snapshot(channel, rows), event(message), update(channel, data, at), status(status), loggedOut().
 * `status` is {state: "connecting" | "catching_up" | "live" | "offline" | "refused", since, behind}.
 */
export class Stream {
  constructor(url, handlers) {
    this.url = url;
    this.handlers = handlers;
    this.lossless = new Set();
    this.conflated = new Set();
    this.seq = null; // Everything up to here has been seen; null before the first snapshot.
    this.chain = new Map(); // Channel -> seq of its last event.
    this.heardAt = null;
    this.status = { state: "connecting", since: Date.now(), behind: 0 };
    this.failures = 0;
    this.requestId = 0;
    this.watch = null;
  }

  /** Begin; `lossless` come from the journal, `conflated` are newest values. */
  open(lossless, conflated) {
    for (const channel of lossless) this.lossless.add(channel);
    for (const channel of conflated) this.conflated.add(channel);
    this.watch = setInterval(() => this.checkSilence(), 1_000);
    addEventListener("online", () => this.reconnectNow());
    this.connect();
  }

  /** Add conflated channels while connected. */
  add(channels) {
    const fresh = channels.filter((channel) => !this.conflated.has(channel));
    for (const channel of fresh) this.conflated.add(channel);
    if (fresh.length && this.isOpen()) this.send({ op: "subscribe", id: this.nextId(), channels: fresh });
  }

  /** End conflated channels. */
  drop(channels) {
    const known = channels.filter((channel) => this.conflated.delete(channel));
    if (known.length && this.isOpen()) this.send({ op: "unsubscribe", id: this.nextId(), channels: known });
  }

  close() {
    clearInterval(this.watch);
    clearTimeout(this.retry);
    this.isClosed = true;
    this.socket?.close(1000);
  }

  connect() {
    clearTimeout(this.retry);
    this.socket = new WebSocket(this.url, ["cival.v1"]);
    this.heardAt = Date.now();
    this.socket.addEventListener("open", () => this.opened());
    this.socket.addEventListener("message", (message) => this.heard(JSON.parse(message.data)));
    this.socket.addEventListener("close", (close) => this.closed(close.code));
  }

  opened() {
    const request = { op: "subscribe", id: this.nextId(), channels: [...this.lossless] };
    if (this.seq !== null) request.since = this.seq;
    this.target = null;
    this.send(request);
    if (this.conflated.size) this.send({ op: "subscribe", id: this.nextId(), channels: [...this.conflated] });
  }

  heard(message) {
    this.heardAt = Date.now();
    this.failures = 0;
    switch (message.op) {
      case "subscribed":
        if (message.channels.some((channel) => this.lossless.has(channel))) this.begun(message.seq);
        break;
      case "snapshot":
        this.seq = Math.max(this.seq ?? 0, message.seq);
        this.chain.set(message.channel, message.seq);
        this.handlers.snapshot(message.channel, message.data);
        break;
      case "event":
        this.event(message);
        break;
      case "update":
        this.handlers.update(message.channel, message.data, message.at);
        break;
      case "heartbeat":
        // Before our subscribe was answered it speaks of nothing that we follow.
        if (this.seq !== null && this.target !== null) this.advance(message.seq);
        this.handlers.heartbeat?.(message.at);
        break;
      case "error":
        // What was not kept any more comes as a snapshot next.
        if (message.code === "resume_expired") {
          this.seq = null;
          this.chain.clear();
        }
        break;
    }
  }

  begun(head) {
    this.target = head;
    const behind = this.seq === null ? 0 : Math.max(0, head - this.seq);
    this.tell(behind > 0 ? "catching_up" : "live", behind);
  }

  event(message) {
    if (this.seq !== null && message.seq <= this.seq) return; // Seen before.
    const last = this.chain.get(message.channel);
    if (last !== undefined && message.prev > last) {
      // An event of this channel is missing: go back to the last one that we know, and ask again from there.
      this.seq = last;
      this.socket.close(4000);
      return;
    }
    this.chain.set(message.channel, message.seq);
    this.handlers.event(message);
    this.advance(message.seq);
  }

  advance(seq) {
    this.seq = Math.max(this.seq ?? 0, seq);
    if (this.target === null) return;
    const behind = Math.max(0, this.target - this.seq);
    if (behind === 0 && this.status.state !== "live") this.tell("live");
    else if (behind > 0 && this.status.state === "catching_up") this.tell("catching_up", behind);
  }

  closed(code) {
    if (this.isClosed) return;
    if (code === LOGGED_OUT) {
      this.close();
      this.handlers.loggedOut();
      return;
    }
    if (code === NOT_ALLOWED) {
      this.tell("refused");
      return;
    }
    this.tell("offline");
    const wait = BACKOFF_MS[Math.min(this.failures, BACKOFF_MS.length - 1)];
    this.failures += 1;
    this.retry = setTimeout(() => this.connect(), wait * (0.75 + Math.random() / 2));
  }

  checkSilence() {
    if (this.isOpen() && Date.now() - this.heardAt > SILENCE_MS) {
      const silent = this.socket;
      this.socket = null;
      silent.close();
      this.closed(1006);
    }
  }

  reconnectNow() {
    if (!this.isClosed && !this.isOpen()) this.connect();
  }

  isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  nextId() {
    this.requestId += 1;
    return this.requestId;
  }

  tell(state, behind = 0) {
    const since = state === this.status.state ? this.status.since : Date.now();
    this.status = { state, since, behind };
    this.handlers.status(this.status);
  }
}
