"""Administration: people and their offices, invitations, machines' keys."""
