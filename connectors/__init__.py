"""Who talks to the outside: one folder per venue, each with a pure parser and a connector."""
