"""A service that answers pictures over HTTP, with a page for people.

Takes an artifact (`deploy`), never a run: neither torch nor scipy, scikit-learn, pandas or matplotlib is imported.
Gives `app.build_app`, an ASGI application, and `lifecycle.serve`, which runs it until a signal.

A request's way: `gate` (host, token, log, figures), `predict` (body within limits), `intake` (pictures out of the
body), `batching` (one call of the network for all that wait), `model` (what answers; replaced while it runs).
"""
