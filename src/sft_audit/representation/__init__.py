"""How like two sets of activations on the same images are, and what can be read from them."""
