"""The model's description, `bioimageio.yaml`: read and written."""
