"""The tests, file for file like the source; a package, so that no other distribution's `tests` can shadow it."""
