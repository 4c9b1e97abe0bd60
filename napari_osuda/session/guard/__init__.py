"""Which mask is to be trusted, without a reference."""
