"""What the bank comes to, for its operators: budgets, liabilities, what came and went, indicators."""
