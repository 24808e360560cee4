"""Which policy carries out which kind of executor."""

from actors.executors.bracket import Bracket
from actors.executors.chase import Chase
from actors.executors.dca import Dca
from actors.executors.grid import Grid
from actors.executors.plan import Policy
from actors.executors.settings import (
    BracketSettings,
    ChaseSettings,
    DcaSettings,
    ExecutorSettings,
    GridSettings,
    TwapSettings,
)
from actors.executors.twap import Twap


def policy_of(settings: ExecutorSettings) -> Policy:
    """Return the policy for these settings.

    Raises:
        TypeError: They are of no kind that is known here.
    """
    match settings:
        case BracketSettings():
            return Bracket(settings)
        case TwapSettings():
            return Twap(settings)
        case GridSettings():
            return Grid(settings)
        case DcaSettings():
            return Dca(settings)
        case ChaseSettings():
            return Chase(settings)
    msg = f"expected settings of a known kind, was {type(settings).__name__}"
    raise TypeError(msg)
