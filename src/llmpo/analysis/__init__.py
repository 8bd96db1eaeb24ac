"""What tables, figures and the paper show, computed from the tidy table."""
