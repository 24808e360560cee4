"""Who decides: one actor per module, sync handlers in the middle, async ones at the rim."""
