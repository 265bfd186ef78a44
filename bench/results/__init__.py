"""What is stored under results/: records, plans, verdicts, and the history of speed."""
