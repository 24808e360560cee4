"""What a simulated venue does wrong, and what it writes down of every request and frame."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

FaultKind = Literal["before", "after", "drop", "after_drop", "status", "after_status", "truncate", "html", "empty"]
"""How a request goes wrong:

before: the work begins only after `delay_s`.
after: the work is done, the answer leaves only after `delay_s`.
drop: the connection is reset, nothing is done.
after_drop: the work is done, then the connection is reset.
status: answered with `status`, `body`, `headers`; nothing is done.
after_status: the work is done, then answered so.
truncate: the work is done, half of the answer leaves, then the connection is reset.
html: the work is done, the answer is 200 with a web page.
empty: the work is done, the answer is 200 without a body.
"""

PAGE: Final = "<html><head><title>502</title></head><body>The origin is having a moment.</body></html>"


@dataclass
class Fault:
    """One rule; the first that matches a request is used and counted."""

    kind: FaultKind
    match: str
    """Regular expression searched in `METHOD /path?query`; in `WS <path>` for a dial."""
    times: int = 1
    """How often it still strikes; below zero for ever."""
    skip: int = 0
    """Matching requests that it lets pass first."""
    delay_s: float = 0.0
    status: int = 503
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    struck: int = 0

    @property
    def does_the_work(self) -> bool:
        return self.kind not in ("drop", "status")


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def add(self, kind: FaultKind, match: str, **more: object) -> Fault:
        """Add a rule: `faults.add("after_drop", "POST /api/v3/order")`; `more` are the fields of `Fault`."""
        fault = Fault(kind, match, **more)  # type: ignore[arg-type]
        self.rules.append(fault)
        return fault

    def clear(self) -> None:
        self.rules.clear()

    def take(self, line: str) -> Fault | None:
        """Return the rule that strikes this request, and count it."""
        for rule in self.rules:
            if rule.times == 0 or re.search(rule.match, line) is None:
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            rule.times -= 1
            rule.struck += 1
            return rule
        return None


@dataclass(frozen=True)
class Wire:
    """One request, answer or frame, without secrets."""

    n: int
    at_ms: int
    way: Literal["request", "answer", "frame_in", "frame_out", "dial", "hangup"]
    line: str
    """`METHOD /path?query` of a request and its answer, the path of a socket."""
    body: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)


class WireLog:
    """Everything that has crossed the wire, oldest first."""

    KEEP_MAX: Final = 500_000

    def __init__(self, secret_patterns: tuple[str, ...] = (), secret_headers: tuple[str, ...] = ()) -> None:
        """Keep secrets out.

        Args:
            secret_patterns: Regular expressions; group 1 is kept, what follows is replaced by stars.
            secret_headers: Names of headers whose values are replaced.
        """
        self._patterns = [re.compile(pattern) for pattern in secret_patterns]
        self._headers = {name.lower() for name in secret_headers}
        self.records: list[Wire] = []
        self.counts: dict[str, int] = {}
        """How many there were of each way, what was not kept included."""

    def mask(self, text: str) -> str:
        for pattern in self._patterns:
            text = pattern.sub(r"\1***", text)
        return text

    def write(
        self,
        way: Literal["request", "answer", "frame_in", "frame_out", "dial", "hangup"],
        line: str,
        body: str = "",
        *,
        at_ms: int,
        status: int = 0,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.counts[way] = self.counts.get(way, 0) + 1
        if len(self.records) >= self.KEEP_MAX:
            return
        shown = {name: "***" if name.lower() in self._headers else value for name, value in (headers or {}).items()}
        self.records.append(
            Wire(len(self.records) + 1, at_ms, way, self.mask(line), self.mask(body), status=status, headers=shown)
        )

    def requests(self, match: str = "") -> list[Wire]:
        """Return the requests whose line matches the regular expression."""
        return list(self._found("request", match))

    def answers(self, match: str = "") -> list[Wire]:
        return list(self._found("answer", match))

    def frames_in(self, match: str = "") -> list[Wire]:
        """Return the frames from clients whose text matches."""
        return [wire for wire in self.records if wire.way == "frame_in" and re.search(match, wire.body)]

    def dials(self, match: str = "") -> list[Wire]:
        return list(self._found("dial", match))

    def clear(self) -> None:
        self.records.clear()
        self.counts.clear()

    def _found(self, way: str, match: str) -> Iterator[Wire]:
        return (wire for wire in self.records if wire.way == way and re.search(match, wire.line))
