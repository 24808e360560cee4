"""The `cival` command: one small file per group of commands, no logic of its own here.

Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 75 try again (a dependency is away).
"""

import sys
from importlib import import_module
from typing import Any

import click

from engine.domain.errors import CivalError

COMMANDS = {
    "run": ("engine.cli.run:run", "Run the engine until it is told to stop."),
    "check": ("engine.cli.check:check", "Check configuration, database, venues and books."),
    "db": ("engine.cli.database:database", "Look after the database."),
    "user": ("engine.cli.people:user", "Add and list users."),
    "token": ("engine.cli.people:token", "Create API tokens."),
    "status": ("engine.cli.reads:status", "Show readiness, trading state and portfolio."),
    "orders": ("engine.cli.reads:orders", "List orders, newest first."),
    "trades": ("engine.cli.reads:trades", "List executions, newest first."),
    "positions": ("engine.cli.reads:positions", "List open positions."),
    "balances": ("engine.cli.reads:balances", "List balances."),
    "agents": ("engine.cli.reads:agents", "List agents."),
    "alerts": ("engine.cli.reads:alerts", "List risk alerts, newest first."),
    "reconcile": ("engine.cli.reconcile:reconcile", "Compare an account with its venue now."),
    "discrepancies": ("engine.cli.reconcile:discrepancies", "List differences to venues, or write one off."),
    "order": ("engine.cli.control:order", "Place and cancel orders."),
    "executor": ("engine.cli.executors:executor", "Start and stop brackets, TWAPs, grids, DCAs and chases."),
    "agent": ("engine.cli.control:agent", "Start, pause and stop agents."),
    "halt": ("engine.cli.control:halt", "Stop new orders and cancel open ones."),
    "resume": ("engine.cli.control:resume", "Allow new orders again."),
    "record": ("engine.cli.record:record", "Record what a live venue says, for a replay."),
    "backfill": ("engine.cli.backfill:backfill", "Fetch past candles of a live venue into the database."),
    "simulate": ("engine.cli.simulate:simulate", "Run the whole engine in virtual time while everything goes wrong."),
    "bench": ("engine.cli.bench:bench", "Measure how fast the engine is."),
}
"""Command -> (the object that implements it, one line about it).

The object is imported only when the command is called, so that `--help` is instant.
"""


class LazyGroup(click.Group):
    """A group that imports a command when somebody uses it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        # Warnings of what a command uses are shown; `run` sets the log up for itself. Imported late, as the command is.
        import_module("engine.runtime.log").setup_logging("warning")
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="cival", prog_name="cival")
def cival() -> None:
    """Run and control the Cival trading engine."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and end the process with its exit code."""
    try:
        code = cival.main(args=arguments, prog_name="cival", standalone_mode=False)
    except click.exceptions.Abort:
        print("cival: interrupted", file=sys.stderr)
        code = 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.ClickException as error:
        print(f"cival: {_one_line(error)}", file=sys.stderr)
        code = error.exit_code
    except CivalError as error:
        print(f"cival: {error}", file=sys.stderr)
        code = error.exit_code
    except BrokenPipeError:
        # The reader of a pipe has seen enough; there is nobody left to tell.
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def _one_line(error: click.ClickException) -> str:
    """Say what is wrong, and where to read how it is done right."""
    text = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    return text if context is None else f"{text.rstrip('.')} (see {context.command_path} --help)"
