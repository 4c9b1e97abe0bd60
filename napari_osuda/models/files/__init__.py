"""Files that come from strangers: packages, pickles and weights, read without running code from them."""
