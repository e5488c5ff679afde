"""HTTP: the server, its pages and who may see them."""
