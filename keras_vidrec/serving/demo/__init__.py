"""The page to try a network: `page` is the door, what it shows
is made by the others."""
