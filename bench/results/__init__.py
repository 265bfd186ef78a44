"""Files under results/: records, plans, verdicts, and the history of speed."""

HISTORY_NAME = "history.jsonl"
HISTORY_PATH = f"results/{HISTORY_NAME}"  # from the project's folder
