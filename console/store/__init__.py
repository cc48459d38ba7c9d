"""What is kept, and what is asked of it: tables, one transaction a batch, queries."""
