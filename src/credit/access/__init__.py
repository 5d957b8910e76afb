"""Who may come in: people in their office, API clients, scopes."""
