"""The secret key of a private competition, which shows it to somebody who takes no part in it yet.

Only reading the competition needs it; the server knows its participants by themselves. It is a
secret like the token: no option, because other users of a machine see the options of a command.
Source: `CompetitionViewSet.get_queryset` of codalab/codabench.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable
from typing import Final

from kit.errors import KitError
from kit.hidden_values import hide

SECRET_KEY_VARIABLE: Final = "CODABENCH_SECRET_KEY"
_IN_ADDRESS = re.compile(r"[?&]secret_key=([^&#\s]+)")


def find_secret_key(ask: Callable[[], str] | None = None) -> str:
    """Return the secret key that the user gives, "" for none.

    It may be given as the whole address that the organiser has sent. The variable is removed from
    this process's environment, so that no program that it starts gets it.

    Args:
        ask: asks the user where the variable is not set; None: nobody is asked.

    Raises:
        KitError: it cannot be one; the server would end in an error of its own.
    """
    given = hide(os.environ.pop(SECRET_KEY_VARIABLE, "").strip())
    if not given and ask:
        given = hide(ask().strip())
    if not given:
        return ""
    match = _IN_ADDRESS.search(given)
    try:
        key = uuid.UUID(hide(match[1] if match else given))
    except ValueError as error:
        raise KitError(
            f"{SECRET_KEY_VARIABLE}: expected the secret key of a competition, such as "
            f"{uuid.UUID(int=0)}, found {len(given)} characters of another form (they are not "
            "shown here)",
            hint="it stands at the end of the address that the organiser has sent",
        ) from error
    hide(key.hex)
    return hide(str(key))
