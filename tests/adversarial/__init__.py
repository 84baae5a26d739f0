"""What a hostile subject, a thief of bundles and a failing machine can do, and what happens then."""
