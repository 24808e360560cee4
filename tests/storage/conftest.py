"""Fixtures of the stores."""

from tests.support.fact_stores import bench, bench_database, make, postgres_bench

__all__ = ["bench", "bench_database", "make", "postgres_bench"]
