"""What `vidrec predict` reads and answers."""
