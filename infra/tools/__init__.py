"""What measures the package and what it costs, and lists what is in it."""
