"""Earning: who takes part, campaigns and their budgets, activities, and what is awarded for them."""
