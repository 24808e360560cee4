"""Simulators of venues: real sockets, real signature checks, true accounts, scripted faults."""
