"""What is seen of a case under review: layers, ways to compare, planes."""
