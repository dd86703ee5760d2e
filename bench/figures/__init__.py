"""The figures of the benchmark, a module each: NAME, measure(bench) -> results, rows(results) -> lines of the table."""
