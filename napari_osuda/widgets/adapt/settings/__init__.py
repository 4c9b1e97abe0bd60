"""How to adapt: method, strength, device, and every setting."""
