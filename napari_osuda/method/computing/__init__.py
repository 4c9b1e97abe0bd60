"""How the method computes fastest: on one processor, and on several processes together."""
