"""The intent key of an executor's order: the place that it takes."""

from uuid import UUID

from actors.executors.plan import SlotName


def intent_key(executor_id: UUID, slot: SlotName, generation: int) -> str:
    """Name an order by its place: the same place is the same order."""
    return f"executor:{executor_id}:{slot}:{generation}"


def slot_of(key: str) -> tuple[str, SlotName, int]:
    """Read an intent key: executor, slot, generation. Slots may hold colons."""
    _, executor, rest = key.split(":", 2)
    name, _, generation = rest.rpartition(":")
    return executor, name, int(generation)
