"""The demo page to try networks. `page` has its public class; the other
modules make the parts of the page."""
