"""From records to tables, plots and pages; needs no training framework."""
