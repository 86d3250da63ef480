"""Commands that show networks to others."""
