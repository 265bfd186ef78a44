"""What the process of the parity checks reads; it answers with a line of JSON per verdict."""

from __future__ import annotations

import msgspec

from bench.config.schema import RunConfig
from bench.records import Verdict


class ParityRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Configurations of one module, and for each the verdict that is to get its rungs."""

    configs: tuple[RunConfig, ...]
    pending: tuple[Verdict, ...]
