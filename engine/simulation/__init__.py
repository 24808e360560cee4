"""The whole engine in one process under virtual time, in a hostile world, judged by an auditor of its own."""
