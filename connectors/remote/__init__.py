"""Venues in other processes: length-prefixed MessagePack frames over TCP or a Unix socket (docs/remote-venue.md)."""
