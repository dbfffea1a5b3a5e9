"""Conductor's REST interface: decodes requests, calls one method of the service each, encodes answers.

`app.create_app` is the way in; the table of all routes is `table.routes`.
"""
