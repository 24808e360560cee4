"""A new version changes nothing else of an agent."""

from engine.messages.rows_agents import AgentVersionRow


def test_a_new_version_changes_nothing_else_of_an_agent() -> None:
    assert AgentVersionRow.__mode__ == "update"
    assert AgentVersionRow.__struct_fields__ == ("id", "user_id", "version", "updated_at")
