"""What the server remembers: tables, transactions, and the statements on them."""
