"""What the routes of `fetch` share."""


class RouteFailed(Exception):
    """A way to get a data set did not work; the message says why."""
