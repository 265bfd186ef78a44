"""One process per run: fork server, worker, protocol and supervisor."""
