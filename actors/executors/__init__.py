"""Executors: durable plans that place, follow and replace orders until they are done."""
