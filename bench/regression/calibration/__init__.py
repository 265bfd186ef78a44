"""How often the gate errs: real pairs of equal and of planted revisions, judged again and again."""
