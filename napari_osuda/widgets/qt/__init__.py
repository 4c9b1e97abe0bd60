"""Small Qt parts that know nothing of the project."""
