"""Looking into the book: accounts, balances, lots, holds and history."""
