"""What ends: awards that were wrong, and memberships."""
