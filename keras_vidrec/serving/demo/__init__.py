"""The page on which anybody tries a network: `page` is the door, what it shows
is made by the others."""
