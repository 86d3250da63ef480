"""What a training tells right from wrong by: losses, what classes count, and
thresholds."""
