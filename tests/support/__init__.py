"""Small fakes, builders and fixtures that more than one test uses."""
