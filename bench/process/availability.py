"""Whether a run is possible on this machine, decided without importing a framework."""

from __future__ import annotations

from bench import registry
from bench.config.schema import RunConfig
from bench.console import adapt_commands


def reason_impossible(config: RunConfig) -> str:
    """Return why a run is impossible here, with the remedy; "" if it may be possible."""
    implementation = config.implementation
    missing = registry.missing(implementation.requires)
    if missing:
        return f"{', '.join(missing)} not installed; {adapt_commands(implementation.install)}"
    if config.device not in implementation.devices:
        devices = ", ".join(implementation.devices)
        return f"no device={config.device}: {implementation.name} runs on {devices}"
    if unclaimed := implementation.claims.unsupported(config.recipe):
        return f"{implementation.name} does not compute {unclaimed}"
    return ""
