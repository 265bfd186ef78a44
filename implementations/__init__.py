"""One self-contained module per implementation, each with a class named MLP."""
