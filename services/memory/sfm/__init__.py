"""The fractal memory service: memories as unit vectors, recalled by an exact, factorised score."""
